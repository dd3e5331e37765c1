// The queues: what waits, which retries are to come, what died and why; dead letters are run again or dropped.
import { html, useEffect, useRef, useState } from "page/vendor/preact-htm.js";
import { pretty } from "page/details.js";
import { Runs, Sender } from "page/durable.js";
import { ask } from "page/store.js";
import { clock, length, until } from "page/words.js";

export function Queues({ store, chosen, onChoose, onRequest }) {
  const { rows, problem, error } = store.queues;
  return html`<div class=${chosen ? "halves chosen" : "halves"}>
    <section class="queues" aria-label="Queues">
      ${error && html`<p role="alert" class="problem">${error}</p>`}
      <div class="scroll" tabindex="0"><table class="numbers">
        <thead><tr><th scope="col">queue</th><th scope="col">waiting</th><th scope="col">in flight</th><th scope="col">delayed</th>
          ${rows.some((each) => each.oldest !== null) && html`<th scope="col">oldest</th>`}<th scope="col">dead</th></tr></thead>
        <tbody>${rows.map((each) => html`<tr key=${each.queue} class=${each.dead ? "failed" : ""}>
          <th scope="row"><button type="button" aria-pressed=${chosen === each.queue} onClick=${() => onChoose(each.queue)}>${each.queue}</button></th>
          <td>${each.waiting}</td><td>${each.in_flight}</td><td>${each.delayed}</td>
          ${rows.some((other) => other.oldest !== null) && html`<td>${length(each.oldest)}</td>`}
          <td>${each.dead_letters === null ? "–" : each.dead ?? "?"}</td></tr>`)}</tbody>
      </table></div>
      ${rows.length === 0 && !error && html`<p class="empty">${store.queues.asked ? "There are no queues here." : "Asking …"}</p>`}
      ${problem && html`<p class="empty">${problem}</p>`}
      <p class="empty">In flight are also retries that are put off. SQS calls all these numbers approximate.</p>
    </section>
    ${chosen && html`<${Queue} key=${chosen} store=${store} name=${chosen} onRequest=${onRequest} onClose=${() => onChoose(null)} />`}
  </div>`;
}

const PARTS = [["to come", "Retries and delays to come"], ["runs", "Running"], ["waits", "Waiting"]];

function Queue({ store, name, onRequest, onClose }) {
  const { every, changes, receives } = store.about.queues;
  const [found, setFound] = useState(null);
  const [said, setSaid] = useState({ text: "", failed: false });
  const [dropping, setDropping] = useState(null);
  const path = `/queues/${encodeURIComponent(name)}`;
  const here = useRef(true);
  const look = () => ask(`${path}/look`, "").then(
    (contents) => { if (here.current) setFound(contents); },
    (error) => { if (here.current) setSaid({ text: error.message, failed: true }); });
  useEffect(() => {
    here.current = true;
    look();
    const again = receives ? null : setInterval(() => store.connected && look(), every * 1000);  // where looking counts, only when it is asked for
    return () => { here.current = false; clearInterval(again); };
  }, []);
  const change = async (what, letters, done) => {
    try {
      const told = await ask(`${path}/${what}`, JSON.stringify({ messages: letters.map((each) => each.message_id) }));
      const problems = Object.values(told.problems);
      setSaid({ text: [`${told.done} ${done}`, ...problems].join("; "), failed: problems.length > 0 });
    } catch (error) { setSaid({ text: error.message, failed: true }); }
    look();
    refresh(store);
  };
  const run = (letters) => change("run", letters, "sent afresh");
  const letters = found?.letters ?? [];

  return html`<section class="details" aria-label="The chosen queue">
    <div class="bar">
      <h2>${name}</h2><span class="push"></span>
      ${receives && html`<button type="button" onClick=${look}>Look again</button>`}
      <button type="button" onClick=${onClose} aria-label="Close">×</button>
    </div>
    <p role="status" class=${said.failed ? "problem" : "live"}>${said.text}</p>
    ${found === null && !said.text && html`<p class="empty">Looking …</p>`}
    ${found?.messages && PARTS.map(([state, title]) => {
      const some = found.messages.filter((each) => each.state === state);
      return some.length > 0 && html`<h3>${title}</h3><${Messages} store=${store} messages=${some} onRequest=${onRequest} />`;
    })}
    ${found?.messages?.length === 0 && html`<p class="empty">Nothing waits, runs or is to come.</p>`}
    ${found && html`
      <div class="bar"><h3>Dead letters${found.dead_letters ? ` in ${found.dead_letters}` : ""}</h3><span class="push"></span>
        ${changes && letters.length > 1 && html`<button type="button" onClick=${() => run(letters)}>Run all ${letters.length} again</button>
          <button type="button" onClick=${() => setDropping(letters)}>Drop all ${letters.length}</button>`}
      </div>
      ${letters.length === 0 && html`<p class="empty">${found.dead_letters ? "None." : "This queue has no dead-letter queue."}</p>`}
      ${found.more > 0 && html`<p class="empty">These are ${letters.length}; there are about ${found.more} more.</p>`}
      ${receives && html`<p class="empty">A look hides dead letters from others for a moment, and counts as a receive.${changes ? "" : " This page only shows; --allow-changes lets it run jobs again and drop them."}</p>`}
      <ul class="letters" aria-label="Dead letters">${letters.map((each) => html`<li key=${each.message_id}>
        <${Letter} store=${store} letter=${each} changes=${changes} onRun=${() => run([each])} onDrop=${() => setDropping([each])} onRequest=${onRequest} /></li>`)}</ul>`}
    ${dropping && html`<${Drop} letters=${dropping} onClose=${() => setDropping(null)}
      onDrop=${() => { setDropping(null); change("drop", dropping, "dropped"); }} />`}
  </section>`;
}

const titled = (each) => `${each.job || "not a job"} ${each.id.slice(0, 8)}`;

function Letter({ store, letter, changes, onRun, onDrop, onRequest }) {
  const job = store.durable.get(letter.id);
  return html`<div class="letter">
    <p><b>${letter.job || "not a job"}</b> <code>${letter.id}</code></p>
    <p class="problem">${letter.reason}${letter.error && html`<br/>${letter.error}`}</p>
    <p class="faint">${letter.attempts !== null ? `${letter.attempts} attempt${letter.attempts === 1 ? "" : "s"}, ` : ""}${letter.died_at
      ? `died ${clock(letter.died_at)}` : `sent ${clock(letter.sent_at)}`}${letter.source ? `, came from ${letter.source}` : ""}${letter.group ? `, group ${letter.group}` : ""}</p>
    <${Sender} store=${store} job=${job} onRequest=${onRequest} />
    <details><summary>Message${job?.runs.length ? " and runs" : ""}</summary>
      <pre tabindex="0">${pretty(letter.body)}</pre>${job && html`<${Runs} store=${store} job=${job} onRequest=${onRequest} />`}</details>
    ${changes && html`<div class="bar">
      <button type="button" aria-label=${`Run again: ${titled(letter)}`} onClick=${onRun}>Run again</button>
      <button type="button" aria-label=${`Drop: ${titled(letter)}`} onClick=${onDrop}>Drop</button></div>`}
  </div>`;
}

function Messages({ store, messages, onRequest }) {
  return html`<ul class="letters">${messages.map((each) => html`<li key=${each.message_id}><div class="letter">
    <p><b>${each.job || "not a job"}</b> <code>${each.id}</code></p>
    <p>${[each.attempt > 1 && `attempt ${each.attempt}`, each.at && `${until(each.at)}, at ${clock(each.at)}`,
      each.receives > 1 && `received ${each.receives} times`, each.group && `group ${each.group}`].filter(Boolean).join(", ")}</p>
    ${each.error && html`<p class="problem">the last attempt: ${each.error}</p>`}
    <${Sender} store=${store} job=${store.durable.get(each.id)} onRequest=${onRequest} />
    <details><summary>Message</summary><pre tabindex="0">${pretty(each.body)}</pre></details>
  </div></li>`)}</ul>`;
}

function Drop({ letters, onDrop, onClose }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} onClose=${onClose} aria-labelledby="drop-title">
    <h2 id="drop-title">Drop ${letters.length === 1 ? titled(letters[0]) : `${letters.length} dead letters`}?</h2>
    <p>There is no way back.</p>
    <div class="bar"><span class="push"></span>
      <button type="button" onClick=${onClose}>Cancel</button><button type="button" onClick=${onDrop}>Drop for good</button></div>
  </dialog>`;
}

// Ask for the numbers once.
async function refresh(store) {
  try {
    const { queues, problem } = await ask("/queues");
    store.tellQueues({ rows: queues, problem, error: "", asked: true });
  } catch (error) { store.tellQueues({ ...store.queues, error: error.message, asked: true }); }
}

// Keep the numbers up to date while the page is looked at, if there are queues at all.
export function watchQueues(store) {
  const again = async () => {
    if (store.connected && store.about.queues && !document.hidden) await refresh(store);
    setTimeout(again, store.about.queues && store.queues.asked ? store.about.queues.every * 1000 : 200);
  };
  again();
}
