// Usage: node audit.mjs URL
// One line of JSON an audit: { id, name, status, reason }. The exit status is 1 unless all pass.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
if (!url) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}
let failed = 0;
for (const audit of serverAudits({ url })) {
  const { id, name, status, reason } = await audit.fn();
  if (status !== 'ok') failed += 1;
  console.log(JSON.stringify({ id, name, status, reason }));
}
process.exit(failed === 0 ? 0 : 1);
