// What the page knows: the requests and environments that the server has told of, in one place. Whoever wants to draw
// them subscribes; changes that come close together are told once.

import { behind, failed, waited } from "page/words.js";

export class Store {
  constructor() {
    this.about = {};
    this.requests = new Map();
    this.environments = new Map();
    this.durable = new Map();  // durable jobs by id
    this.sent = new Map();  // and by the request that sent them
    this.ordered = [];
    this.rows = new Map();  // the requests of each environment, in order of their begin
    this.figures = new Figures();
    this.queues = { rows: [], problem: null, error: "", asked: false };
    this.connected = false;
    this.version = 0;
    this._skew = 0;
    this._listeners = new Set();
    this._planned = false;
  }

  // Seconds of the server's clock now.
  now() { return this.frozenAt ?? performance.now() / 1000 + this._skew; }

  subscribe(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  hello(about) {
    this.about = about;
    this.connected = true;
    this.requests.clear();
    this.environments.clear();
    this.durable.clear();
    this.sent.clear();
    this.ordered = [];
    this.rows.clear();
    this.figures = new Figures();
    this._skew = about.now - performance.now() / 1000;
    this._tell();
  }

  take({ now, records }) {
    this._skew = now - performance.now() / 1000;
    for (const record of records) {
      if (record.kind === "environment") this.environments.set(record.number, record);
      else if (record.kind === "durable") this._takeDurable(record);
      else {
        const before = this.requests.get(record.id);
        if (before) this.ordered[place(this.ordered, "number", record.number)] = record;
        else insert(this.ordered, "number", record);
        this._takeRow(before, record);
        this.figures.change(before, record);
        this.requests.set(record.id, record);
      }
    }
    while (this.ordered.length > 10000) {
      const oldest = this.ordered.shift(), { id } = oldest, row = this.rows.get(oldest.environment);
      if (oldest.begun !== null) row.splice(place(row, "begun", oldest.begun), 1);
      this.figures.change(oldest, null);
      this.requests.delete(id);
      for (const job of this.sent.get(id)?.keys() ?? []) this.durable.delete(job);
      this.sent.delete(id);
    }
    this._tell();
  }

  tellQueues(queues) {
    this.queues = queues;
    this._tell();
  }

  _takeDurable(record) {
    this.durable.set(record.id, record);
    if (record.sent_by === null) return;
    if (!this.sent.has(record.sent_by)) this.sent.set(record.sent_by, new Map());
    this.sent.get(record.sent_by).set(record.id, record);
  }

  lost() {
    this.connected = false;
    this._tell();
  }

  _takeRow(before, record) {
    if (record.begun === null) return;
    if (!this.rows.has(record.environment)) this.rows.set(record.environment, []);
    const row = this.rows.get(record.environment);
    if (before && before.begun !== null) row[place(row, "begun", record.begun)] = record;
    else insert(row, "begun", record);
  }

  _tell() {
    this.version += 1;
    if (this._planned) return;
    this._planned = true;
    requestAnimationFrame(() => {
      this._planned = false;
      for (const listener of this._listeners) listener();
    });
  }
}

// Where a value stands, or would stand, in an array that is sorted by it.
export function place(sorted, name, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((name ? sorted[middle][name] : sorted[middle]) < value) low = middle + 1; else high = middle;
  }
  return low;
}

function insert(sorted, name, each) {
  const value = name ? each[name] : each, last = sorted[sorted.length - 1];
  if (last === undefined || (name ? last[name] : last) < value) sorted.push(each);
  else sorted.splice(place(sorted, name, value), 0, each);
}

// Sums and medians over all requests, kept up to date by what changes, so that ten thousand cost what ten do.
class Figures {
  constructor() { this.failed = 0; this.failedJobs = 0; this._waited = []; this._without = []; }

  get waited() { return middle(this._waited); }
  get without() { return middle(this._without); }

  change(before, after) {
    for (const [each, sign] of [[before, -1], [after, 1]]) {
      if (!each) continue;
      this.failed += failed(each) ? sign : 0;
      this.failedJobs += sign * each.failed_jobs;
      if (each.done === null || each.answered === null) continue;
      const pairs = [[this._waited, waited(each)], [this._without, waited(each) + behind(each)]];
      for (const [sorted, value] of pairs) {
        if (sign > 0) insert(sorted, null, value); else sorted.splice(place(sorted, null, value), 1);
      }
    }
  }
}

function middle(sorted) {
  if (!sorted.length) return null;
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Fill a store with a run that was saved in the page itself.
export function load(store, saved) {
  store.details = saved.details;
  store.hello(saved.about);
  store.take(saved);
  store.frozenAt = saved.now;
}

// Keep a store up to date with the server's stream; the browser connects again by itself.
export function follow(store) {
  const stream = new EventSource("/stream");
  stream.addEventListener("hello", (event) => store.hello(JSON.parse(event.data)));
  stream.addEventListener("changes", (event) => store.take(JSON.parse(event.data)));
  stream.addEventListener("error", () => store.lost());
}

const token = document.querySelector("meta[name=token]")?.content ?? "";

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body, headers: { "X-Lambda-Punch-Token": token } };
  const answer = await fetch(path, options);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}
