// Usage: node audit.mjs URL [AUTHORIZATION]
// One line of JSON an audit: { id, name, status, reason }. The exit status is 1 unless all pass.
import { serverAudits } from 'graphql-http';

const [url, authorization] = process.argv.slice(2);
const signedIn = (input, init) => fetch(input, { ...init, headers: { ...init?.headers, authorization } });
if (!url) {
  console.error('usage: node audit.mjs URL [AUTHORIZATION]');
  process.exit(2);
}
let failed = 0;
for (const audit of serverAudits({ url, fetchFn: authorization ? signedIn : fetch })) {
  const { id, name, status, reason } = await audit.fn();
  if (status !== 'ok') failed += 1;
  console.log(JSON.stringify({ id, name, status, reason }));
}
process.exit(failed === 0 ? 0 : 1);
