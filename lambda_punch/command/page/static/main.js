// The page: how its parts stand together, and what is chosen on it.
import { html, render, useEffect, useRef, useState } from "page/vendor/preact-htm.js";
import { Details, pretty } from "page/details.js";
import { Requests } from "page/requests.js";
import { Store, ask, follow, load } from "page/store.js";
import { Timeline } from "page/timeline.js";
import { STATES, behind, length, median, waited } from "page/words.js";

const store = new Store();

function Page() {
  const [, redraw] = useState(0);
  const [selected, setSelected] = useState(null);
  const [sending, setSending] = useState(null);
  useEffect(() => store.subscribe(() => redraw(store.version)), []);
  return html`
    <${Head} onSend=${() => setSending("{}")} />
    <main>
      <${Timeline} store=${store} selected=${selected} onSelect=${setSelected} />
      <div class=${selected ? "halves chosen" : "halves"}>
        <${Requests} store=${store} selected=${selected} onSelect=${setSelected} />
        ${selected && html`<${Details} store=${store} id=${selected} onSend=${setSending} onClose=${() => setSelected(null)} />`}
      </div>
    </main>
    ${sending !== null && html`<${Send} event=${sending} onClose=${() => setSending(null)} />`}`;
}

function Head({ onSend }) {
  const finished = store.ordered.filter((each) => each.done !== null && each.answered !== null);
  const without = median(finished.map((each) => waited(each) + behind(each)));
  const figures = [
    ["requests", String(store.ordered.length)],
    ["callers waited", length(median(finished.map(waited)))],
    ["would have waited", length(without)],
    ["failed jobs", String(store.ordered.reduce((sum, each) => sum + each.failed_jobs, 0))],
  ];
  return html`<header>
    <h1>${store.about.title ?? "lambda-punch"}</h1>
    <p role="status" class=${store.connected ? "live" : "live lost"}>${store.about.saved ? "saved" : store.connected ? "live" : "not connected"}</p>
    <ul class="environments" aria-label="Environments">
      ${[...store.environments.values()].map((each) => html`<li class=${each.state} title=${`environment ${each.number} ${STATES[each.state] ?? each.state}`}>
        #${each.number} ${STATES[each.state] ?? each.state}</li>`)}
    </ul>
    <span class="push"></span>
    ${store.about.sends && html`<button type="button" onClick=${onSend}>Send an event</button>`}
    <button type="button" onClick=${switchTheme}>Light or dark</button>
    <dl class="figures">${figures.map(([name, figure]) => html`<div><dt>${name}</dt><dd>${figure}</dd></div>`)}</dl>
  </header>`;
}

function Send({ event, onClose }) {
  const dialog = useRef(null), text = useRef(null);
  const [problem, setProblem] = useState("");
  useEffect(() => dialog.current.showModal(), []);
  const send = async (submitted) => {
    submitted.preventDefault();
    try {
      JSON.parse(text.current.value);
      await ask("/events", text.current.value);
      onClose();
    } catch (error) { setProblem(error.message); }
  };
  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="send-title">
    <form onSubmit=${send}>
      <h2 id="send-title">Send an event</h2>
      <label for="event">The event, as JSON</label>
      <textarea id="event" ref=${text} rows="14" spellcheck="false">${pretty(event)}</textarea>
      ${problem && html`<p role="alert" class="problem">${problem}</p>`}
      <div class="bar"><span class="push"></span>
        <button type="button" onClick=${onClose}>Cancel</button><button type="submit">Send</button></div>
    </form>
  </dialog>`;
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = dark === "dark" ? "light" : "dark";
}


const saved = document.getElementById("saved");
if (saved) load(store, JSON.parse(saved.textContent)); else follow(store);
render(html`<${Page} />`, document.getElementById("page"));
