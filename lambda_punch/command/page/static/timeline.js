// The timeline: a row for each environment, drawn on a canvas so that ten thousand requests stay fluid.
// The list of requests below says the same in words, for those who cannot see it.
import { html, useEffect, useRef, useState } from "page/vendor/preact-htm.js";
import { place } from "page/store.js";
import { behind, failed, length, waited } from "page/words.js";

const ROW = 30, AXIS = 22;
const left = (store) => (store.about.functions ? 130 : 34);  // the names' column
const LONGEST_INIT = 15;  // seconds before its request that an init may begin
const LEAST = 0.02, MOST = 24 * 3600;  // seconds across

export function Timeline({ store, selected, onSelect }) {
  const canvas = useRef(null);
  const view = useRef(store.about.saved ? whole(store) : { span: 10, end: null });  // end: null follows the present
  const [tip, setTip] = useState(null);
  const [following, setFollowing] = useState(view.current.end === null);

  useEffect(() => {
    let drawn = -1, frame;
    const draw = () => {
      frame = requestAnimationFrame(draw);
      const moving = view.current.end === null && store.connected;
      const key = `${store.version} ${moving ? performance.now() : ""} ${view.current.end} ${view.current.span} ` +
        `${canvas.current.clientWidth} ${selected} ${document.documentElement.dataset.theme}`;
      if (key !== drawn) { drawn = key; paint(canvas.current, store, view.current, selected); }
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [selected]);

  const move = (span, end) => {
    view.current = { span: Math.min(MOST, Math.max(LEAST, span)), end };
    setFollowing(end === null);
  };
  const zoom = (factor, at = 1) => {
    const { span, end } = view.current;
    const wanted = Math.min(MOST, Math.max(LEAST, span * factor));
    move(wanted, end === null ? null : end + (wanted - span) * (1 - at));
  };
  const shift = (share) => {
    const { span, end } = view.current;
    const next = (end ?? store.now()) + share * span;
    move(span, next >= store.now() ? null : next);
  };
  const wheel = (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
    event.preventDefault();
    if (event.shiftKey) return shift((event.deltaY || event.deltaX) / 1000);
    const box = canvas.current.getBoundingClientRect();
    if (view.current.end === null) view.current.end = store.now();
    zoom(Math.exp(event.deltaY / 300), (event.clientX - box.left - left(store)) / (box.width - left(store)));
  };
  useEffect(() => {
    const here = canvas.current;
    here.addEventListener("wheel", wheel, { passive: false });
    return () => here.removeEventListener("wheel", wheel);
  }, []);

  const drag = useRef(null);
  const down = (event) => {
    drag.current = { x: event.clientX, end: view.current.end ?? store.now(), moved: false };
    canvas.current.setPointerCapture(event.pointerId);
  };
  const hover = (event) => {
    const box = canvas.current.getBoundingClientRect();
    if (drag.current) {
      const by = event.clientX - drag.current.x;
      if (Math.abs(by) > 3) drag.current.moved = true;
      if (drag.current.moved) {
        const end = drag.current.end - (by / (box.width - left(store))) * view.current.span;
        return move(view.current.span, end >= store.now() ? null : end);
      }
    }
    const found = at(canvas.current, store, view.current, event.clientX - box.left, event.clientY - box.top);
    setTip(found ? { request: found, x: Math.min(event.clientX - box.left, box.width - 190), y: event.clientY - box.top } : null);
  };
  const up = (event) => {
    const moved = drag.current?.moved;
    drag.current = null;
    if (moved) return;
    const box = canvas.current.getBoundingClientRect();
    const found = at(canvas.current, store, view.current, event.clientX - box.left, event.clientY - box.top);
    if (found) onSelect(found.id);
  };
  const key = (event) => {
    const actions = { ArrowLeft: () => shift(-0.2), ArrowRight: () => shift(0.2), "+": () => zoom(0.7), "=": () => zoom(0.7),
      "-": () => zoom(1.4), End: () => move(view.current.span, null) };
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  };

  const rows = Math.max(1, store.environments.size);
  return html`<section class="timeline" aria-label="Timeline">
    <div class="bar">
      <ul class="legend" aria-label="Colours">
        ${["init", "response", "behind", "frozen", "failed"].map((each) => html`<li class=${each}>${each}</li>`)}
      </ul>
      <span class="push"></span>
      <button type="button" onClick=${() => zoom(1.6)} aria-label="Zoom out">−</button>
      <button type="button" onClick=${() => zoom(0.6)} aria-label="Zoom in">+</button>
      <button type="button" onClick=${() => { const { span, end } = whole(store); move(span, end); }}>All</button>
      <button type="button" aria-pressed=${following} onClick=${() => move(view.current.span, following ? store.now() : null)}>Follow</button>
    </div>
    <div class="canvas">
      <canvas ref=${canvas} style=${`height:${rows * ROW + AXIS}px`} tabindex="0" role="img"
        aria-label="Timeline of the environments; the list of requests below says the same. Arrow keys move it, plus and minus zoom, End follows."
        onPointerDown=${down} onPointerMove=${hover} onPointerUp=${up} onPointerLeave=${() => setTip(null)} onKeyDown=${key}></canvas>
      ${tip && html`<div class="tip" style=${`left:${tip.x}px;top:${tip.y + 14}px`}>
        <b>${tip.request.title}</b><br/>waited ${length(waited(tip.request))}, behind ${length(behind(tip.request))}
        ${tip.request.jobs.map((job) => html`<br/>${job.name} ${job.ended ? length(job.ended - job.begun) : "runs"}`).slice(0, 8)}
      </div>`}
    </div>
  </section>`;
}

// A view of everything from the first request to the last.
function whole(store) {
  const oldest = store.ordered[0], first = oldest ? Math.min(oldest.queued, initOf(oldest)[0]) : 0;
  const last = store.ordered.reduce((end, each) => Math.max(end, each.done ?? each.queued), first);
  const margin = Math.max(0.05, (last - first) * 0.03);
  return { span: last - first + 2 * margin, end: last + margin };
}

// When an init began and ended: before its request, or inside it.
function initOf({ begun, queued, init, init_inside: inside }) {
  const at = begun ?? queued;
  return inside ? [at, at + init] : [at - init, at];
}

function range(store, view) {
  const end = view.end ?? store.now();
  return [end - view.span, end];
}

function rowsOf(store) {
  return [...store.environments.keys()].sort((a, b) => a - b);
}

// The request that is drawn at a point, or next to it.
function at(canvas, store, view, x, y) {
  const row = store.rows.get(rowsOf(store)[Math.floor((y - AXIS) / ROW)]);
  if (row === undefined || x < left(store)) return null;
  const [from, to] = range(store, view);
  const time = from + ((x - left(store)) / (canvas.clientWidth - left(store))) * (to - from);
  const near = ((to - from) / (canvas.clientWidth - left(store))) * 4;
  const after = place(row, "begun", time);
  let best = null, distance = near;
  for (const each of [row[after], row[after - 1]]) {
    if (!each) continue;
    const end = each.done ?? store.now();
    const off = time < each.begun ? each.begun - time : time > end ? time - end : 0;
    if (off < distance) { best = each; distance = off; }
  }
  return best;
}

let palette = { key: null };

// The style's colours, read again when light and dark change.
function colours() {
  const key = `${document.documentElement.dataset.theme} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
  if (palette.key !== key) {
    const style = getComputedStyle(document.documentElement);
    const names = ["init", "response", "behind", "job", "frozen", "failed", "text", "faint", "line", "mark"];
    palette = { key, ...Object.fromEntries(names.map((each) => [each, style.getPropertyValue(`--${each}`)])) };
  }
  return palette;
}

function paint(canvas, store, view, selected) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
    canvas.width = width * ratio; canvas.height = height * ratio;
  }
  const paints = colours();
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = "11px system-ui, sans-serif";
  c.textBaseline = "middle";
  const [from, to] = range(store, view), scale = (width - left(store)) / (to - from), x = (time) => left(store) + (time - from) * scale;

  const step = [1, 2, 5].map((each) => each * 10 ** Math.floor(Math.log10((to - from) / 4))).findLast((each) => each <= (to - from) / 4) ?? (to - from) / 4;
  c.fillStyle = paints.faint; c.strokeStyle = paints.line;
  for (let tick = Math.ceil(Math.max(0, from) / step) * step; tick < to; tick += step) {
    c.beginPath(); c.moveTo(x(tick) + 0.5, AXIS - 4); c.lineTo(x(tick) + 0.5, height); c.stroke();
    c.fillText(`${+tick.toFixed(4)} s`, x(tick) + 3, AXIS / 2);
  }
  const places = new Map(rowsOf(store).map((number, index) => [number, AXIS + index * ROW]));
  for (const [number, y] of places) {
    c.fillStyle = paints.text;
    const { function: name } = store.environments.get(number);
    c.fillText(name ? `#${number} ${name}` : `#${number}`, 4, y + ROW / 2, left(store) - 8);
  }
  c.save(); c.beginPath(); c.rect(left(store), AXIS, width - left(store), height - AXIS); c.clip();
  const block = (begin, end, y, tall, paint) => {
    if (end < from || begin > to) return;
    c.fillStyle = paint;
    c.fillRect(x(begin), y + (ROW - tall) / 2, Math.max(1, (end - begin) * scale), tall);
  };
  const present = store.now(), chosen = store.requests.get(selected);
  for (const [number, y] of places) {
    const row = store.rows.get(number) ?? [];
    let drawn = Infinity;  // the pixel at which the last one begins; what would lie under it is left out
    for (let index = place(row, "begun", to + LONGEST_INIT) - 1; index >= 0; index -= 1) {
      const each = row[index], done = each.done ?? present, rest = each.frozen_until ?? (each.done === null ? done : present);
      if (rest < from) break;
      const pixel = Math.floor(x(each.init ? initOf(each)[0] : each.begun));
      if (pixel >= drawn && !failed(each)) continue;
      drawn = pixel;
      block(done, rest, y, 3, paints.frozen);
      const answered = each.answered ?? done;
      block(each.begun, answered, y, 16, each.error ? paints.failed : paints.response);
      if (each.init) block(...initOf(each), y, 16, paints.init);
      block(answered, done, y, 8, paints.behind);
      for (const job of each.jobs) block(job.begun, job.ended ?? done, y, 16, job.error ? paints.failed : paints.job);
      if (failed(each)) { c.fillStyle = paints.failed; c.fillRect(x(each.begun), y + ROW - 5, Math.max(3, (done - each.begun) * scale), 3); }
    }
  }
  if (chosen && chosen.begun !== null && places.has(chosen.environment)) {
    const done = chosen.done ?? present;
    c.strokeStyle = paints.mark; c.lineWidth = 2;
    c.strokeRect(x(chosen.begun) - 2, places.get(chosen.environment) + 4, Math.max(4, (done - chosen.begun) * scale) + 4, ROW - 8);
    c.lineWidth = 1;
  }
  c.restore();
}
