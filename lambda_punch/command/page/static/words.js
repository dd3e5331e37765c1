// How lengths and states are said, everywhere on the page the same.

export function length(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return `${Math.round(seconds / 60)} min`;
}

export const waited = (request) => (request.answered === null ? null : request.answered - request.queued);
export const behind = (request) => (request.done === null || request.answered === null ? null : request.done - request.answered);
export const failed = (request) => request.error !== null || request.failed_jobs > 0 || request.status >= 500;

export function outcome(request) {
  if (request.error) return request.error;
  if (request.failed_jobs) return `${request.failed_jobs} job${request.failed_jobs === 1 ? "" : "s"} failed`;
  if (request.status) return String(request.status);
  if (request.answered === null) return request.begun === null ? "waits" : "runs";
  return request.done === null ? "works behind" : "ok";
}

export const STATES = {
  starting: "starts", ready: "is ready", busy: "serves a request", after: "works after the response",
  frozen: "is frozen", ending: "shuts down", down: "has ended",
};

// A moment of the epoch, as this machine's clock shows it; with its day if that is another one.
export function clock(epoch) {
  if (!epoch) return "–";
  const moment = new Date(epoch * 1000), day = moment.toDateString() === new Date().toDateString() ? "" : `${moment.toLocaleDateString()} `;
  return day + moment.toLocaleTimeString();
}

export function until(epoch) {
  const left = epoch - Date.now() / 1000;
  return left > 0 ? `in ${length(Math.max(1, Math.round(left)))}` : "now";
}
