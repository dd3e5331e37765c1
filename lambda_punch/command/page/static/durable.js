// A durable job: which request sent it, and its runs.
import { html } from "page/vendor/preact-htm.js";
import { length } from "page/words.js";

const Link = ({ store, id, before, onRequest }) => {
  const request = store.requests.get(id);
  return request ? html`<button type="button" class="link" onClick=${() => onRequest(id)}>${before}${request.title}</button>` : null;
};

export function Sender({ store, job, onRequest }) {
  return job?.sent_by ? html`<p><${Link} store=${store} id=${job.sent_by} before="sent by " onRequest=${onRequest} /></p>` : null;
}

export function Runs({ store, job, onRequest }) {
  if (job.runs.length === 0) return html`<p class="empty">It has not run yet.</p>`;
  return html`<div class="scroll" tabindex="0"><table>
    <thead><tr><th scope="col">attempt</th><th scope="col">began</th><th scope="col">took</th><th scope="col">outcome</th><th scope="col">in</th></tr></thead>
    <tbody>${job.runs.map((run) => html`<tr key=${run.key} class=${run.error ? "failed" : ""}>
      <td>${run.attempt}</td><td>${length(run.begun)}</td><td>${run.ended === null ? "runs" : length(run.ended - run.begun)}</td>
      <td>${run.error ?? (run.ended === null ? "" : "done")}</td>
      <td><${Link} store=${store} id=${run.request} before="" onRequest=${onRequest} /></td></tr>`)}</tbody>
  </table></div>`;
}

// The jobs that a request sent, each with its runs.
export function Sent({ store, request, onRequest }) {
  const jobs = [...(store.sent.get(request)?.values() ?? [])];
  if (jobs.length === 0) return null;
  return html`<h3>Durable jobs it sent</h3>
    <ul class="letters">${jobs.map((job) => html`<li key=${job.id}><div class="letter">
      <p><b>${job.name}</b> <code>${job.id}</code> to ${job.queue || "–"}</p>
      <${Runs} store=${store} job=${job} onRequest=${onRequest} /></div></li>`)}</ul>`;
}
