/* Field screen offline: the shell from the last visit. Never caches what is live (API, stream, tiles, the layout). */
"use strict";
const CACHE = "citybrain-field-1";
const LIVE = ["/api/", "/stream", "/tiles/", "/login", "/logout"];
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(
  caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))).then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || LIVE.some((part) => url.pathname.startsWith(part))) return;
  event.respondWith(fetch(event.request).then((answer) => {
    if (answer.ok && !answer.redirected) { const copy = answer.clone(); caches.open(CACHE).then((cache) => cache.put(event.request, copy)); }
    return answer;
  }).catch(() => caches.match(event.request).then((kept) => kept || Response.error())));
});
