// Usage: node clients.mjs WATCHED CHANGED TOKEN
// Talks by graphql-ws and graphql-sse to the server at WATCHED as the user of TOKEN, who is an owner, and
// changes credits at the server at CHANGED. One line of JSON a step: { client, step, result }.
import { createClient as socketClient } from 'graphql-ws';
import { createClient as eventsClient } from 'graphql-sse';
import WebSocket from 'ws';
import { createHash } from 'node:crypto';

const [watched, changed, token] = process.argv.slice(2);
if (!token) {
  console.error('usage: node clients.mjs WATCHED CHANGED TOKEN');
  process.exit(2);
}

// A document of each client's own, so that it is unknown at first.
const text = (name) => `query ${name.replace('-', '_')} { viewer { role } }`;
const persisted = (name) => ({ persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(text(name)).digest('hex') } });

const report = (client, step, result) => console.log(JSON.stringify({ client, step, result }));

// all gathers what an operation that ends tells: its results, and the errors that end it.
const all = (client, request) =>
  new Promise((resolve) => {
    const results = [];
    client.subscribe(request, {
      next: (result) => results.push(result),
      error: (error) => resolve({ results, error }),
      complete: () => resolve({ results }),
    });
  });

const spend = async (idempotencyKey) => {
  const response = await fetch(changed, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({
      query: `mutation ($in: SpendCreditsInput!) { spendCredits(input: $in) { userErrors { code } } }`,
      variables: { in: { operation: 'CLUSTERING', idempotencyKey } },
    }),
  });
  return response.json();
};

const steps = async (name, client) => {
  report(name, 'query', await all(client, { query: '{ viewer { role } }' }));
  report(name, 'validation error', await all(client, { query: '{ nothing }' }));
  report(name, 'partial error', await all(client, { query: '{ viewer { role } paymentQueue { nodes { id } } }' }));
  report(name, 'refused subscription', await all(client, { query: 'subscription { paymentChanged(paymentId: "pay_987654321") { payment { id } } }' }));
  report(name, 'hash alone', await all(client, { query: '', extensions: persisted(name) }));
  report(name, 'hash and text', await all(client, { query: text(name), extensions: persisted(name) }));
  report(name, 'known hash', await all(client, { query: '', extensions: persisted(name) }));
  const events = client.iterate({ query: 'subscription { creditsChanged { credits { balance } lastSeq } }' });
  report(name, 'at once', (await events.next()).value);
  await spend(name);
  report(name, 'live event', (await events.next()).value);
  await events.return();
};

// The first token is one that is good no longer, as after a night's sleep of the laptop: the client comes
// back by itself with what its user's refresh gives it.
const tokens = () => {
  let asked = 0;
  return () => (asked++ === 0 ? 'Bearer stale' : `Bearer ${token}`);
};

const socketToken = tokens();
const socket = socketClient({
  url: watched.replace(/^http/, 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: () => ({ authorization: socketToken() }),
  on: { closed: (event) => report('graphql-ws', 'closed', event.code) },
});
await steps('graphql-ws', socket);
await socket.dispose();

const eventsToken = tokens();
const events = eventsClient({ url: watched, headers: () => ({ authorization: eventsToken() }) });
await steps('graphql-sse', events);
events.dispose();
process.exit(0);
