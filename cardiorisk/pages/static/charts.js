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
  const [line, figures] = [38, 58];
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

/** Draw a probability over one value, this patient's value and the threshold. */
export function curve(room, { values, probabilities, value, probability, threshold, ends, label }) {
  const [width, height, left, bottom] = [Math.max(200, room.clientWidth), 120, 26, 20];
  const draw = canvas(room, width, height, label);
  const [low, high] = [values[0], values.at(-1)];
  const x = (number) => left + ((number - low) / (high - low)) * (width - left - 10);
  const y = (share) => 8 + (1 - share) * (height - bottom - 14);
  draw("path", { class: "axis", d: `M ${left} ${y(1)} V ${y(0)} H ${width - 10}` });
  draw("text", { class: "small", x: left - 5, y: y(1) + 5, "text-anchor": "end" }, "1");
  draw("text", { class: "small", x: left - 5, y: y(0) + 4, "text-anchor": "end" }, "0");
  draw("path", { class: "threshold", d: `M ${left} ${y(threshold)} H ${width - 10}` });
  draw("polyline", {
    class: "curve",
    points: values.map((one, i) => `${x(one).toFixed(1)},${y(probabilities[i]).toFixed(1)}`).join(" "),
  });
  draw("circle", { class: "here", cx: x(value), cy: y(probability), r: 5 });
  draw("text", { class: "small", x: left, y: height - 4 }, ends[0]);
  draw("text", { class: "small", x: width - 10, y: height - 4, "text-anchor": "end" }, ends[1]);
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
