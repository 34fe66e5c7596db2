#include "bench/html_page.h"

namespace karst::bench {

std::string_view const html_before_data = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>karst bench</title>
<style>
:root { color-scheme: light dark; --ink: #1c2024; --dim: #60646c; --line: #e2e4e8; --back: #fff;
  --a: #1f6fd0; --b: #d07a00; --c: #b3261e; --d: #1a8a5a; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceef0; --dim: #a0a6ae; --line: #33373d;
  --back: #15181c; --a: #6aa9f7; --b: #f0a840; --c: #f2857e; --d: #5cc793; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 980px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); } .verdict { font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { text-align: right; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: var(--dim); }
.scroll { overflow-x: auto; }
svg { width: 100%; height: auto; display: block; } svg[hidden] { display: none; }
svg text { fill: var(--dim); font-size: 12px; }
svg .grid { stroke: var(--line); } svg .warm { fill: var(--line); opacity: .5; }
svg path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.keys span { margin-right: 1.2rem; } .keys i { display: inline-block; width: 14px; height: 3px;
  vertical-align: middle; margin-right: .4rem; }
.read { min-height: 1.5em; color: var(--dim); font-variant-numeric: tabular-nums; }
</style>
<h1 id="title"></h1>
<p class="dim" id="settings"></p>
<p class="verdict" id="verdict"></p>
<div class="scroll" id="figures"></div>
<div id="plots"></div>
<svg id="empty" hidden></svg>
<details><summary>Every second as a table</summary><div class="scroll" id="seconds"></div></details>
<script>
const data = )html";

std::string_view const html_after_data = R"html(;
const colors = ["var(--a)", "var(--b)", "var(--c)", "var(--d)"];
const make = (tag, text) => { const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text; return e; };
const namespace = document.getElementById("empty").namespaceURI;
const svg = (tag, attributes) => {
  const e = document.createElementNS(namespace, tag);
  for (const name in attributes) e.setAttribute(name, attributes[name]);
  return e; };
const short = v => v >= 1e6 ? +(v / 1e6).toPrecision(3) + " M" : v >= 1e4
  ? +(v / 1e3).toPrecision(3) + " k" : v >= 100 ? Math.round(v).toString() : +v.toPrecision(3) + "";

function table(headings, rows) {
  const t = make("table"), head = t.appendChild(make("tr"));
  headings.forEach(h => head.appendChild(make("th", h)));
  rows.forEach(row => { const r = t.appendChild(make("tr"));
    row.forEach(cell => r.appendChild(make("td", cell))); });
  return t;
}

// Round steps of a linear axis, powers of ten of a logarithmic one.
function ticks(low, high, log) {
  const list = [];
  if (log) { for (let v = 10 ** Math.floor(Math.log10(low)); v <= high * 1.0001; v *= 10)
    if (v >= low * 0.9999) list.push(v); return list; }
  const raw = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find(f => f * power >= raw) * power;
  for (let v = Math.ceil(low / step) * step; v <= high * 1.0001; v += step) list.push(v);
  return list;
}

// lines: [{name, points: [[x, y], ...]}]
function plot(title, lines, options) {
  const width = 940, height = 260, left = 64, right = 12, top = 10, bottom = 30;
  const known = l => l.points.filter(p => p[1] !== null);
  lines = lines.filter(l => known(l).length);
  if (!lines.length) return;
  const all = lines.flatMap(known), log = options.log;
  const xs = all.map(p => p[0]), ys = all.map(p => p[1]).filter(y => !log || y > 0);
  if (!ys.length) return;
  // Of a day there are more seconds than a call may have arguments.
  const least = list => list.reduce((a, b) => Math.min(a, b), Infinity);
  const most = list => list.reduce((a, b) => Math.max(a, b), -Infinity);
  const x0 = least(xs), x1 = Math.max(most(xs), x0 + 1);
  const y0 = log ? 10 ** Math.floor(Math.log10(least(ys))) : 0;
  const y1 = log ? 10 ** Math.ceil(Math.log10(Math.max(most(ys), y0 * 1.01)))
    : most(ys) * 1.05 || 1;
  const px = x => left + (x - x0) / (x1 - x0) * (width - left - right);
  const scale = y => log ? Math.log(y / y0) / Math.log(y1 / y0) : (y - y0) / (y1 - y0);
  const py = y => height - bottom - scale(Math.max(y, y0)) * (height - top - bottom);
  const box = document.getElementById("plots");
  box.appendChild(make("h2", title));
  const keys = box.appendChild(make("div")); keys.className = "keys";
  const picture = box.appendChild(svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": title }));
  const text = (x, y, anchor, what) => {
    const t = picture.appendChild(svg("text", { x, y, "text-anchor": anchor }));
    t.textContent = what; };
  if (options.warm > 0) picture.appendChild(svg("rect", { x: px(x0), y: top, class: "warm",
    width: px(Math.min(options.warm + 0.5, x1)) - px(x0), height: height - top - bottom }));
  ticks(y0, y1, log).forEach(v => {
    picture.appendChild(svg("line", { x1: left, x2: width - right, y1: py(v), y2: py(v),
      class: "grid" }));
    text(left - 8, py(v) + 4, "end", short(v)); });
  (options.xTicks || ticks(x0, x1, false).map(v => [v, v + " s"])).forEach(([v, label]) => {
    if (v >= x0 && v <= x1) text(px(v), height - 8, "middle", label); });
  lines.forEach((line, i) => {
    const color = colors[i % colors.length], key = keys.appendChild(make("span"));
    key.appendChild(make("i")).style.background = color;
    key.appendChild(document.createTextNode(line.name));
    picture.appendChild(svg("path", { stroke: color, d: line.points.map((p, at) =>
      p[1] === null ? "" : (at && line.points[at - 1][1] !== null ? "L" : "M") +
      px(p[0]).toFixed(1) + " " + py(p[1]).toFixed(1)).join("") })); });
  const read = box.appendChild(make("div")); read.className = "read";
  const mark = picture.appendChild(svg("line", { y1: top, y2: height - bottom, class: "grid",
    visibility: "hidden" }));
  picture.addEventListener("pointermove", event => {
    const area = picture.getBoundingClientRect();
    const x = x0 + ((event.clientX - area.left) / area.width * width - left)
      / (width - left - right) * (x1 - x0);
    const near = line => known(line).reduce((a, b) =>
      Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
    const at = near(lines[0])[0];
    mark.setAttribute("x1", px(at)); mark.setAttribute("x2", px(at));
    mark.setAttribute("visibility", "visible");
    read.textContent = options.place(at) + ": " + lines.map(l =>
      l.name + " " + short(near(l)[1]) + options.unit).join(", "); });
}

document.getElementById("title").textContent = data.title;
document.getElementById("settings").textContent = data.settings;
document.getElementById("verdict").textContent = data.verdict;
document.getElementById("figures").appendChild(table(data.headings, data.figures));
const warm = data.warm_up_seconds, second = x => x + " s";
const seconds = (side, value) => side.seconds.map((s, i) => [i + 1, value(s)]);
plot("Throughput, MB/s", data.sides.map(side => ({ name: side.name,
  points: seconds(side, s => s[2] / 1e6) })), { unit: " MB/s", place: second, warm });
plot("Throughput, records/s", data.sides.map(side => ({ name: side.name,
  points: seconds(side, s => s[1]) })), { unit: "/s", place: second, warm });
data.sides.forEach(side => plot("Latency of " + side.name + ", ms", ["p50", "p99", "max"].map(
  (name, i) => ({ name, points: seconds(side, s => s[3 + i]) })),
  { unit: " ms", place: second, warm, log: true }));
const percentile = x => +(100 * (1 - 10 ** -x)).toFixed(Math.max(0, Math.ceil(x) + 1)) + " %";
plot("Latency by percentile, ms", data.sides.map(side => ({ name: side.name,
  points: side.curve.map(([left, ms]) => [-Math.log10(left), ms]) })),
  { unit: " ms", place: percentile, log: true,
    xTicks: [[0, "0"], [1, "90 %"], [2, "99 %"], [3, "99.9 %"], [4, "99.99 %"], [5, "99.999 %"],
      [6, "99.9999 %"]] });
document.getElementById("seconds").appendChild(table(
  ["second"].concat(data.sides.flatMap(s => ["requests", "records", "MB", "p50", "p99", "max"].map(
    h => s.name + " " + h))),
  data.sides[0].seconds.map((_, i) => [i + 1].concat(data.sides.flatMap(s => { const v =
    s.seconds[i] || [0, 0, 0, null, null, null]; return [v[0], v[1], (v[2] / 1e6).toFixed(1)]
    .concat(v.slice(3).map(ms => ms === null ? "-" : ms.toFixed(2))); })))));
</script>
</html>
)html";

}  // namespace karst::bench
