// Prints, as JSON by name, the introspection queries that tools send: each asks graphql-js for one.
import { getIntrospectionQuery } from 'graphql';

// The loader of codegen and inspector passes its user's options on, so what they send lies between
// these two.
const everything = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
};
const queries = {
  default: getIntrospectionQuery(),
  everything: getIntrospectionQuery(everything),
  // @graphiql/react, src/stores/schema.ts, with all that its props can turn on.
  graphiql: getIntrospectionQuery({ inputValueDeprecation: true, schemaDescription: true }),
};
console.log(JSON.stringify(queries, null, 2));
