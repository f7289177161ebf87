// Usage: main.js URL EMAIL PASSWORD
// What a frontend does with urql, each step told in a line of JSON.
import type { CombinedError } from '@urql/core';
import { parse } from 'graphql';
import {
  CreateSiteDocument,
  CreditsChangedDocument,
  type CreditsChangedSubscription,
  DashboardDocument,
  MeDocument,
  SitesPageDocument,
  SpendCreditsDocument,
} from '../gql/graphql.js';
import { Inbox } from '../inbox.js';
import { byField, codesOf } from '../problems.js';
import { report, starting } from '../report.js';
import { Session } from '../session.js';
import { createUrql } from './client.js';

const { url, email, password } = starting();
const session = await Session.signIn(url, email, password);
const { client, close } = createUrql(url, session);
const codes = (error: CombinedError | undefined) => (error ? (error.networkError ? [String(error)] : codesOf(error.graphQLErrors)) : []);

const me = await client.query(MeDocument, {});
report('query', me.data?.viewer);

// The second time its hash is enough.
await client.query(MeDocument, {}, { requestPolicy: 'network-only' });

// Several parts of a page find at once that the token is good no longer.
const parts = await Promise.all([1, 2, 3, 4, 5].map((first) => client.query(SitesPageDocument, { first })));
report('refresh', parts.map(({ data }) => data?.sites?.edges.length));

// Page after page.
const names: string[] = [];
for (let after: string | null = null; ; ) {
  const { data }: Awaited<ReturnType<typeof page>> = await page(after);
  names.push(...(data?.sites?.edges.map(({ node }) => node.name) ?? []));
  after = data?.sites?.pageInfo.hasNextPage ? data.sites.pageInfo.endCursor : null;
  if (after === null) {
    break;
  }
}
report('pages', names);

function page(after: string | null) {
  return client.query(SitesPageDocument, { first: 2, after });
}

// What a person can mend is data: show it beside the form's fields, decide by its code.
const refused = await client.mutation(CreateSiteDocument, { input: { name: '', domain: 'not a domain' } });
const problems = refused.data?.createSite?.userErrors ?? [];
report('refused mutation', { site: refused.data?.createSite?.site, codes: problems.map(({ code }) => code), form: byField(problems) });

// A frontend that is older than the schema.
const wrong = await client.query(parse('query OfAnOldRelease { fieldThatIsNoMore }'), {});
report('validation error', { data: wrong.data, codes: codes(wrong.error) });

// A page of which one part is not for this role: the other is there all the same.
const dashboard = await client.query(DashboardDocument, {});
report('partial error', { data: dashboard.data, codes: codes(dashboard.error) });

// The first event tells how things are, the next one what the spending changed.
const events = new Inbox<CreditsChangedSubscription['creditsChanged']>();
const watching = client.subscription(CreditsChangedDocument, {}).subscribe(({ data, error }) => {
  if (error) {
    report('live error', codes(error));
  }
  events.put(data?.creditsChanged ?? null);
});
let known = await events.next();

// One key for what the person did, however often the request has to be sent.
const spent = await client.mutation(SpendCreditsDocument, {
  input: { operation: 'CLUSTERING', idempotencyKey: crypto.randomUUID() },
});
const transaction = spent.data?.spendCredits?.transaction;
report('idempotent retry', { amount: transaction?.amount, codes: spent.data?.spendCredits?.userErrors.map(({ code }) => code), errors: codes(spent.error) });

while (transaction && known && known.lastSeq < transaction.seq) {
  known = await events.next();
}
report('live event', { known: transaction !== null && known?.lastSeq === transaction?.seq });
watching.unsubscribe();
close();
