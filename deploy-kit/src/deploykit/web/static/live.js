// Says that what is shown is no longer live, if the server does not answer any more.
"use strict";
document.addEventListener("htmx:afterRequest", (event) => {
  const status = event.detail.xhr.status;
  document.documentElement.toggleAttribute("data-lost", status !== 200 && status !== 304);
});
