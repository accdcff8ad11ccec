// Draws every chart as SVG. The policy forbids styles in a page, so all looks are classes of the
// style sheet.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

function canvas(room, width, height, label) {
  const picture = make("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label,
  });
  room.replaceChildren(picture);
  return (name, attributes, text) => picture.appendChild(make(name, attributes, text));
}

/** Draw a probability on a half circle, with the threshold marked. */
export function gauge(room, { probability, threshold, isAtRisk, shown, thresholdShown, label }) {
  const draw = canvas(room, 280, 164, label);
  const [x, y, radius] = [140, 140, 100];
  const point = (share, r = radius) => {
    const angle = Math.PI * (1 - share);
    return `${(x + r * Math.cos(angle)).toFixed(1)} ${(y - r * Math.sin(angle)).toFixed(1)}`;
  };
  const arc = (share) => `M ${point(0)} A ${radius} ${radius} 0 0 1 ${point(share)}`;
  draw("path", { class: "track", d: arc(1) });
  if (probability > 0.001) {
    draw("path", { class: isAtRisk ? "filled risk" : "filled", d: arc(probability) });
  }
  draw("path", { class: "mark", d: `M ${point(threshold, 84)} L ${point(threshold, 116)}` });
  const [markX, markY] = point(threshold, 126).split(" ");
  draw("text", { class: "small", x: markX, y: markY, "text-anchor": "middle" }, thresholdShown);
  draw("text", { class: shown.length > 7 ? "figure long" : "figure", x, y: y - 12, "text-anchor": "middle" }, shown);
  draw("text", { class: "small", x: x - radius, y: y + 20, "text-anchor": "middle" }, "0 %");
  draw("text", { class: "small", x: x + radius, y: y + 20, "text-anchor": "middle" }, "100 %");
}

/** Draw parts that add up as a waterfall; `rows` have name, from, to, kind and shown. */
export function waterfall(room, rows, label) {
  const width = Math.max(260, room.clientWidth);
  const line = 38;
  const figures = 10 + 8 * Math.max(6, ...rows.map((row) => row.shown.length));
  const draw = canvas(room, width, rows.length * line + 4, label);
  const ends = rows.flatMap((row) => [row.from, row.to]);
  const [low, high] = [Math.min(0, ...ends), Math.max(1, ...ends)];
  const at = (value) => ((value - low) / (high - low)) * (width - figures - 2) + 1;
  rows.forEach((row, index) => {
    const top = index * line;
    const [left, right] = [at(Math.min(row.from, row.to)), at(Math.max(row.from, row.to))];
    draw("text", { x: 0, y: top + 13 }, row.name);
    draw("rect", { class: "rail", x: 0, y: top + 19, width: width - figures, height: 13 });
    draw("rect", {
      class: row.kind, x: left, y: top + 19, width: Math.max(1.5, right - left), height: 13,
    });
    draw("text", { class: "sum", x: width, y: top + 30, "text-anchor": "end" }, row.shown);
    if (index < rows.length - 1) {
      draw("path", { class: "link", d: `M ${at(row.to)} ${top + 32} V ${top + line + 19}` });
    }
  });
}

/** Prepare a picture of probabilities over one value: its axes, the threshold, and where things are. */
function axes(room, { values, threshold, ends, label }) {
  const [width, height, left, bottom] = [Math.max(200, room.clientWidth), 120, 26, 20];
  const draw = canvas(room, width, height, label);
  const [low, high] = [values[0], values.at(-1)];
  const x = (number) => left + ((number - low) / (high - low)) * (width - left - 10);
  const y = (share) => 8 + (1 - share) * (height - bottom - 14);
  draw("path", { class: "axis", d: `M ${left} ${y(1)} V ${y(0)} H ${width - 10}` });
  draw("text", { class: "small", x: left - 5, y: y(1) + 5, "text-anchor": "end" }, "1");
  draw("text", { class: "small", x: left - 5, y: y(0) + 4, "text-anchor": "end" }, "0");
  draw("path", { class: "threshold", d: `M ${left} ${y(threshold)} H ${width - 10}` });
  draw("text", { class: "small", x: left, y: height - 4 }, ends[0]);
  draw("text", { class: "small", x: width - 10, y: height - 4, "text-anchor": "end" }, ends[1]);
  return { draw, x, y };
}

/** Draw a probability over one value, this patient's value and the threshold. */
export function curve(room, { probabilities, value, probability, ...drawn }) {
  const { draw, x, y } = axes(room, drawn);
  draw("polyline", {
    class: "curve",
    points: drawn.values.map((one, i) => `${x(one).toFixed(1)},${y(probabilities[i]).toFixed(1)}`).join(" "),
  });
  draw("circle", { class: "here", cx: x(value), cy: y(probability), r: 6 });
}

/** Draw the two probabilities of a yes or no: this patient's as the dot, the other as a ring. */
export function spots(room, { probabilities, value, shown, ...drawn }) {
  const { draw, x, y } = axes(room, drawn);
  const inner = (one) => x(0.05 + 0.9 * one);
  drawn.values.forEach((one, i) => {
    const isHere = one === value;
    draw("circle", { class: isHere ? "here" : "ring", cx: inner(one), cy: y(probabilities[i]), r: isHere ? 6 : 5 });
    const [aside, below] = [i ? -10 : 10, probabilities[i] > 0.5 ? 16 : -8];
    draw("text", { class: "small", x: inner(one) + aside, y: y(probabilities[i]) + below, "text-anchor": i ? "end" : "start" }, shown[i]);
  });
}

/**
 * Draw probabilities over two values as a map, `probabilities` one list for each value of `up`; both
 * have values, value and ends.
 */
export function heat(room, { probabilities, threshold, across, up, label }) {
  const width = Math.min(560, Math.max(260, room.clientWidth));
  const [left, top, height] = [78, 6, Math.round(width * 0.5)];
  const draw = canvas(room, width, height + 30, label);
  const [columns, rows] = [across.values.length, up.values.length];
  const x = (column) => left + Math.round((column / columns) * (width - left - 4));
  const y = (row) => top + Math.round((1 - row / rows) * height);
  const shade = (p) => (p >= threshold ? (p - threshold) / (1 - threshold) : (threshold - p) / threshold);
  const look = (p) => `${p >= threshold ? "raises" : "lowers"} shade-${Math.ceil(shade(p) * 4)}`;
  const differ = (one, other) => one >= threshold !== other >= threshold;
  const edges = [];
  probabilities.forEach((line, row) => {
    let begin = 0;
    line.forEach((p, column) => {
      const isLast = column === columns - 1;
      if (isLast || look(line[column + 1]) !== look(p)) {
        draw("rect", { class: look(p), x: x(begin), y: y(row + 1), width: x(column + 1) - x(begin), height: y(row) - y(row + 1) });
        begin = column + 1;
      }
      if (!isLast && differ(p, line[column + 1])) edges.push(`M ${x(column + 1)} ${y(row)} V ${y(row + 1)}`);
      if (row && differ(p, probabilities[row - 1][column])) edges.push(`M ${x(column)} ${y(row)} H ${x(column + 1)}`);
    });
  });
  draw("path", { class: "border", d: edges.join(" ") });
  const place = ({ values, value }) => {
    const next = Math.max(1, values.findIndex((each) => each >= value));
    return next - 0.5 + (value - values[next - 1]) / (values[next] - values[next - 1]);
  };
  const spread = (from, to, share) => from + (to - from) * share;
  draw("circle", { class: "here", cx: spread(x(0), x(columns), place(across) / columns), cy: spread(y(0), y(rows), place(up) / rows), r: 6 });
  draw("text", { class: "small", x: left - 6, y: top + 11, "text-anchor": "end" }, up.ends[1]);
  draw("text", { class: "small", x: left - 6, y: top + height, "text-anchor": "end" }, up.ends[0]);
  draw("text", { class: "small", x: left, y: top + height + 17 }, across.ends[0]);
  draw("text", { class: "small", x: width - 4, y: top + height + 17, "text-anchor": "end" }, across.ends[1]);
}

/**
 * Draw stacked columns of whole numbers, the first part lowest. `kinds` are the parts' classes,
 * `titles` the columns' texts, `ends` the labels below the outer two.
 */
export function columns(room, { rows, kinds, titles, ends, label }) {
  const [width, height, left, bottom] = [Math.max(240, room.clientWidth), 150, 44, 22];
  const draw = canvas(room, width, height, label);
  const most = Math.max(1, ...rows.map((parts) => parts.reduce((sum, part) => sum + part, 0)));
  const step = (width - left) / rows.length;
  const floor = height - bottom;
  const tall = (count) => (count / most) * (floor - 12);
  draw("path", { class: "threshold", d: `M ${left} 12 H ${width}` });
  draw("text", { class: "small", x: left - 6, y: 16, "text-anchor": "end" }, String(most));
  draw("text", { class: "small", x: left - 6, y: floor, "text-anchor": "end" }, "0");
  rows.forEach((parts, index) => {
    let top = floor;
    const group = draw("g", {});
    group.append(make("title", {}, titles[index]));
    parts.forEach((part, kind) => {
      if (!part) return;
      const size = Math.max(1.5, tall(part));
      top -= size;
      group.append(make("rect", {
        class: kinds[kind], x: left + index * step + step * 0.1, y: top, width: step * 0.8, height: size,
      }));
    });
  });
  draw("path", { class: "axis", d: `M ${left} ${floor} H ${width}` });
  draw("text", { class: "small", x: left, y: height - 4 }, ends[0]);
  draw("text", { class: "small", x: width, y: height - 4, "text-anchor": "end" }, ends[1]);
}
