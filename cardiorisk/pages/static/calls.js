// Writes the page's call for curl, Python and JavaScript, without the key.

export function calls(patient, address) {
  const body = JSON.stringify(patient);
  const lines = Object.entries(patient).map(([name, value]) => `    "${name}": ${value},`);
  return {
    curl: `curl '${address}' \\\n  -H "Authorization: $KEY" \\\n  -d '${body}'`,
    python: `import json, os, urllib.request

patient = {
${lines.join("\n")}
}
request = urllib.request.Request(
    "${address}",
    json.dumps(patient).encode(),
    {"Authorization": os.environ["KEY"]},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response))`,
    javascript: `const response = await fetch("${address}", {
  method: "POST",
  headers: { Authorization: process.env.KEY },
  body: JSON.stringify(${body}),
});
console.log(await response.json());`,
  };
}
