// Greys a form's buttons while its answer is on the way; the service itself does nothing twice.

const WAITING_MS = 10_000;
const buttonsOf = (form) => form.querySelectorAll("button");

function release(form) {
  delete form.dataset.sent;
  for (const button of buttonsOf(form)) button.removeAttribute("aria-disabled");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  // Only aria-disabled: a disabled button's name would not be sent.
  for (const button of buttonsOf(form)) button.setAttribute("aria-disabled", "true");
  setTimeout(release, WAITING_MS, form);
});
// Back may show the page as it was left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
