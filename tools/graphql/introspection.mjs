// Usage: node introspection.mjs URL FILE
// Introspects the server as codegen does and prints, for both what it says and what the file says, the
// schema in one normal form. The exit status is 1 where they differ.
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { readFileSync } from 'node:fs';

const [url, file] = process.argv.slice(2);
const query = getIntrospectionQuery({ descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true });
const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query }) });
const { data, errors } = await response.json();
if (errors) {
  console.error(errors);
  process.exit(1);
}
const normal = (schema) => printSchema(lexicographicSortSchema(schema)).split('\n');
const served = normal(buildClientSchema(data));
const written = normal(buildSchema(readFileSync(file, 'utf8')));
const differ = served.findIndex((line, i) => line !== written[i]);
if (differ >= 0 || served.length !== written.length) {
  console.error(`line ${differ + 1}: served ${served[differ]}, written ${written[differ]}; ${served.length} and ${written.length} lines`);
  process.exit(1);
}
console.log(`${served.length} lines are the same`);
