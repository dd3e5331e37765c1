// The page: how its parts stand together, and what is chosen on it.
import { html, render, useEffect, useState } from "page/vendor/preact-htm.js";
import { Details } from "page/details.js";
import { Queues, watchQueues } from "page/queues.js";
import { Requests } from "page/requests.js";
import { Send } from "page/send.js";
import { Store, follow, load } from "page/store.js";
import { Timeline } from "page/timeline.js";
import { STATES, length } from "page/words.js";

const store = new Store();

function Page() {
  const [, redraw] = useState(0);
  const [selected, setSelected] = useState(null);
  const [queue, setQueue] = useState(null);
  const [place, setPlace] = useState("requests");
  const [sending, setSending] = useState(null);
  useEffect(() => store.subscribe(() => redraw(store.version)), []);
  const places = ["requests", "queues"].filter((each) => each === "queues" ? store.about.queues : store.about.only !== "queues");
  const shown = places.includes(place) ? place : places[0];
  const show = (request) => { setSelected(request); setPlace("requests"); };
  return html`
    <${Head} places=${places} shown=${shown} onPlace=${setPlace} onSend=${() => setSending({ text: "{}", to: null })} />
    <main>
      ${shown === "queues" ? html`<${Queues} store=${store} chosen=${queue} onChoose=${setQueue} onRequest=${show} />` : html`
        <${Timeline} store=${store} selected=${selected} onSelect=${setSelected} />
        <div class=${selected ? "halves chosen" : "halves"}>
          <${Requests} store=${store} selected=${selected} onSelect=${setSelected} />
          ${selected && html`<${Details} store=${store} id=${selected} onSend=${setSending} onSelect=${setSelected} onClose=${() => setSelected(null)} />`}
        </div>`}
    </main>
    ${sending !== null && html`<${Send} store=${store} event=${sending} onClose=${() => setSending(null)} />`}`;
}

function Head({ places, shown, onPlace, onSend }) {
  const dead = store.queues.rows.reduce((sum, each) => sum + (each.dead ?? 0), 0);
  const figures = [
    ["requests", String(store.ordered.length)],
    ["callers waited", length(store.figures.waited)],
    ["would have waited", length(store.figures.without)],
    ["failed jobs", String(store.figures.failedJobs)],
  ];
  return html`<header>
    <h1>${store.about.title ?? "lambda-punch"}</h1>
    <p role="status" class=${store.connected ? "live" : "live lost"}>${store.about.saved ? "saved" : store.connected ? "live" : "not connected"}</p>
    ${places.length > 1 && html`<nav aria-label="Places">${places.map((each) => html`<button type="button" aria-pressed=${each === shown}
      onClick=${() => onPlace(each)}>${each}${each === "queues" && dead ? ` (${dead} dead)` : ""}</button>`)}</nav>`}
    <ul class="environments" aria-label="Environments">
      ${[...store.environments.values()].map((each) => html`<li class=${each.state} title=${`environment ${each.number} ${STATES[each.state] ?? each.state}`}>
        #${each.number} ${each.function} ${STATES[each.state] ?? each.state}</li>`)}
    </ul>
    <span class="push"></span>
    ${store.about.sends && html`<button type="button" onClick=${onSend}>Send an event</button>`}
    <button type="button" onClick=${switchTheme}>Light or dark</button>
    ${store.about.only !== "queues" && html`<dl class="figures">${figures.map(([name, figure]) => html`<div><dt>${name}</dt><dd>${figure}</dd></div>`)}</dl>`}
  </header>`;
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
}

const saved = document.getElementById("saved");
if (saved) load(store, JSON.parse(saved.textContent)); else { follow(store); watchQueues(store); }
render(html`<${Page} />`, document.getElementById("page"));
