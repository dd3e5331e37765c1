// One request: what it was, what its caller got, what ran behind it, and its log lines.
import { html, useEffect, useState } from "page/vendor/preact-htm.js";
import { Sender, Sent } from "page/durable.js";
import { ask } from "page/store.js";
import { behind, length, outcome, waited } from "page/words.js";

export function Details({ store, id, onSend, onSelect, onClose }) {
  const request = store.requests.get(id);
  const [more, setMore] = useState(null);
  const [problem, setProblem] = useState("");
  const mark = request && `${id} ${request.answered} ${request.done} ${request.lines} ${request.jobs.length}`;
  useEffect(() => {
    let current = true;
    if (store.details) setMore(store.details[id] ?? null);
    else ask(`/requests/${encodeURIComponent(id)}`).then((found) => current && setMore(found), () => current && setMore(null));
    return () => { current = false; };
  }, [mark]);
  if (!request) return null;

  const again = () => ask(`/requests/${encodeURIComponent(id)}/again`, "").then(() => setProblem(""), (error) => setProblem(error.message));
  const known = more && more.id === id ? more : null;
  return html`<section class="details" aria-label="The chosen request">
    <div class="bar">
      <h2>${request.title}</h2><span class="push"></span>
      ${store.about.sends && html`<button type="button" onClick=${again}>Send again</button>
        <button type="button" onClick=${() => onSend({ text: known ? known.event : "{}", to: request.function })}>Change and send</button>`}
      <button type="button" onClick=${onClose} aria-label="Close">×</button>
    </div>
    ${problem && html`<p role="alert" class="problem">${problem}</p>`}
    <dl class="facts">
      <div><dt>outcome</dt><dd>${outcome(request)}</dd></div>
      <div><dt>the caller waited</dt><dd>${length(waited(request))}</dd></div>
      <div><dt>worked behind it</dt><dd>${length(behind(request))}</dd></div>
      ${request.init > 0 && html`<div><dt>init</dt><dd>${length(request.init)}</dd></div>`}
      <div><dt>environment</dt><dd>#${request.environment}${request.function && ` ${request.function}`}</dd></div>
      <div class="wide"><dt>request id</dt><dd><code>${request.id}</code></dd></div>
    </dl>
    <h3>Behind the response</h3>
    ${request.jobs.length === 0 ? html`<p class="empty">No job was seen.</p>` : html`<div class="scroll" tabindex="0"><table>
      <thead><tr><th scope="col">job</th><th scope="col">began</th><th scope="col">took</th><th scope="col">outcome</th></tr></thead>
      <tbody>${request.jobs.map((job) => html`<tr class=${job.error ? "failed" : ""}>
        <td><code>${job.name}</code>${job.attempt ? ` attempt ${job.attempt}` : ""}
          <${Sender} store=${store} job=${store.durable.get(job.id)} onRequest=${onSelect} /></td>
        <td>${request.answered === null ? "–" : `${job.begun >= request.answered ? "+" : "−"}${length(Math.abs(job.begun - request.answered))}`}</td>
        <td>${job.ended === undefined ? "runs" : length(job.ended - job.begun)}</td>
        <td>${job.error ?? (job.ended === undefined ? "" : "done")}</td></tr>`)}</tbody>
    </table></div>`}
    <${Sent} store=${store} request=${id} onRequest=${onSelect} />
    ${known && html`
      <h3>Log</h3>
      ${known.log.length === 0 ? html`<p class="empty">Nothing was written.</p>` : html`<div tabindex="0" class="log">${known.log.map((line) =>
        html`<div><span class="source">${line.source}</span> ${line.text}</div>`)}</div>`}
      <h3>Event</h3><pre tabindex="0">${pretty(known.event)}</pre>
      <h3>Response</h3><pre tabindex="0">${pretty(known.response) || "–"}</pre>`}
  </section>`;
}

export function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}
