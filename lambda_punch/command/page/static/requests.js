// The list of requests. Only the rows in sight are in the document, so ten thousand scroll as ten do.
import { html, useEffect, useRef, useState } from "page/vendor/preact-htm.js";
import { place as find } from "page/store.js";
import { behind, failed, length, outcome, waited } from "page/words.js";

const ROW = 34, BEYOND = 6;
export const FILTERS = {
  all: () => true,
  failed,
  "with jobs": (request) => request.jobs.length > 0,
};

export function Requests({ store, selected, onSelect }) {
  const [filter, setFilter] = useState("all");
  const [top, setTop] = useState(0);
  const [tall, setTall] = useState(400);
  const box = useRef(null);
  useEffect(() => {
    const watch = new ResizeObserver(() => setTall(box.current.clientHeight));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);

  // the oldest first, and shown from the end
  const rows = filter === "all" ? store.ordered : store.ordered.filter(FILTERS[filter]);
  const first = Math.max(0, Math.floor(top / ROW) - BEYOND), past = rows.length - first;
  const shown = rows.slice(Math.max(0, past - Math.ceil(tall / ROW) - 2 * BEYOND), past).reverse();
  const chosen = store.requests.get(selected), at = chosen ? find(rows, "number", chosen.number) : -1;
  const place = rows[at] === chosen && chosen ? rows.length - 1 - at : -1;
  const go = (to) => {
    const there = Math.min(rows.length - 1, Math.max(0, to)), next = rows[rows.length - 1 - there];
    if (!next) return;
    onSelect(next.id);
    const y = there * ROW;
    if (y < box.current.scrollTop) box.current.scrollTop = y;
    if (y + ROW > box.current.scrollTop + tall) box.current.scrollTop = y + ROW - tall;
  };
  const key = (event) => {
    const page = Math.floor(tall / ROW);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1, PageDown: place + page, PageUp: place - page }[event.key];
    if (to !== undefined) { event.preventDefault(); go(to); }
  };

  return html`<section class="requests" aria-label="Requests">
    <div class="bar" role="group" aria-label="Which requests">
      ${Object.keys(FILTERS).map((each) => html`<button type="button" aria-pressed=${filter === each} onClick=${() => setFilter(each)}>
        ${each}${each === "failed" ? ` (${store.figures.failed})` : ""}</button>`)}
    </div>
    <div class="columns" aria-hidden="true"><span>request</span><span>outcome</span><span>waited</span><span>behind</span></div>
    <div class="rows" ref=${box} tabindex="0" role="listbox" aria-label="Requests, the newest first"
      aria-activedescendant=${place >= 0 ? `request-${selected}` : undefined}
      onScroll=${(event) => setTop(event.target.scrollTop)} onKeyDown=${key}>
      <div style=${`height:${rows.length * ROW}px;position:relative`} role="presentation">
        ${shown.map((each, index) => html`<div key=${each.id} id=${`request-${each.id}`} role="option" aria-selected=${each.id === selected}
            aria-posinset=${first + index + 1} aria-setsize=${rows.length} class=${failed(each) ? "row failed" : "row"}
            style=${`top:${(first + index) * ROW}px`} onClick=${() => onSelect(each.id)}>
          <span class="title">${each.function && `${each.function}: `}${each.title}</span><span>${outcome(each)}</span>
          <span class="figure">${length(waited(each))}</span><span class="figure">${length(behind(each))}</span>
        </div>`)}
      </div>
      ${rows.length === 0 && html`<p class="empty">${filter === "all" ? "No request yet. Send one from here, or to the function's address." : "None."}</p>`}
    </div>
  </section>`;
}
