// Usage: main.js URL EMAIL PASSWORD
// What a frontend does with Apollo Client, each step told in a line of JSON.
import { CombinedGraphQLErrors } from '@apollo/client';
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
import { createApollo } from './client.js';

const { url, email, password } = starting();
const session = await Session.signIn(url, email, password);
const { client, close } = createApollo(url, session);
const codes = (error: unknown) => (CombinedGraphQLErrors.is(error) ? codesOf(error.errors) : error ? [String(error)] : []);

const me = await client.query({ query: MeDocument });
report('query', me.data?.viewer);

// The second time its hash is enough.
await client.query({ query: MeDocument, fetchPolicy: 'network-only' });

// Several parts of a page find at once that the token is good no longer.
const parts = await Promise.all(
  [1, 2, 3, 4, 5].map((first) => client.query({ query: SitesPageDocument, variables: { first }, fetchPolicy: 'no-cache' })),
);
report('refresh', parts.map(({ data }) => data?.sites?.edges.length));

// Page after page: relayStylePagination puts them together in the cache, and so in what is shown.
const sites = client.watchQuery({ query: SitesPageDocument, variables: { first: 2 } });
const shown = new Inbox<string[]>();
const showing = sites.subscribe((result) => {
  if (result.dataState === 'complete') {
    shown.put(result.data.sites?.edges.map(({ node }) => node.name) ?? []);
  }
});
let names = await shown.next();
let page = client.readQuery({ query: SitesPageDocument, variables: { first: 2 } })?.sites?.pageInfo;
while (page?.hasNextPage) {
  const more = await sites.fetchMore({ variables: { after: page.endCursor } });
  page = more.data?.sites?.pageInfo;
  for (const known = names.length; names.length === known; ) {
    names = await shown.next();
  }
}
report('pages', names);
showing.unsubscribe();

// What a person can mend is data: show it beside the form's fields, decide by its code.
const refused = await client.mutate({ mutation: CreateSiteDocument, variables: { input: { name: '', domain: 'not a domain' } } });
const problems = refused.data?.createSite?.userErrors ?? [];
report('refused mutation', { site: refused.data?.createSite?.site, codes: problems.map(({ code }) => code), form: byField(problems) });

// A frontend that is older than the schema.
const wrong = await client.query({ query: parse('query OfAnOldRelease { fieldThatIsNoMore }') });
report('validation error', { data: wrong.data, codes: codes(wrong.error) });

// A page of which one part is not for this role: the other is there all the same.
const dashboard = await client.query({ query: DashboardDocument });
report('partial error', { data: dashboard.data, codes: codes(dashboard.error) });

// The first event tells how things are, the next one what the spending changed.
const events = new Inbox<CreditsChangedSubscription['creditsChanged']>();
const watching = client.subscribe({ query: CreditsChangedDocument }).subscribe(({ data, error }) => {
  if (error) {
    report('live error', codes(error));
  }
  events.put(data?.creditsChanged ?? null);
});
let known = await events.next();

// One key for what the person did, however often the request has to be sent.
const spent = await client.mutate({
  mutation: SpendCreditsDocument,
  variables: { input: { operation: 'CLUSTERING', idempotencyKey: crypto.randomUUID() } },
});
const transaction = spent.data?.spendCredits?.transaction;
report('idempotent retry', { amount: transaction?.amount, codes: spent.data?.spendCredits?.userErrors.map(({ code }) => code), errors: codes(spent.error) });

while (transaction && known && known.lastSeq < transaction.seq) {
  known = await events.next();
}
report('live event', { known: transaction !== null && known?.lastSeq === transaction?.seq });
watching.unsubscribe();
await close();
