import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition, relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { catchError, from, of, switchMap, throwError, timer, type Observable } from 'rxjs';
import WebSocket from 'ws';
import fragments from '../gql/possibleTypes.js';
import { codesOf, hasIdempotencyKey, retryDelay } from '../problems.js';
import { type Session, SignedOut } from '../session.js';

declare module '@apollo/client' {
  namespace ApolloClient {
    namespace DeclareDefaultOptions {
      interface WatchQuery {
        errorPolicy: 'all';
      }
      interface Query {
        errorPolicy: 'all';
      }
      interface Mutate {
        errorPolicy: 'all';
      }
    }
  }
}

type Result = ApolloLink.Result;

const isMutation = (operation: ApolloLink.Operation) => operation.operationType === OperationTypeNode.MUTATION;

// Signs each request, and once more where the token was refused.
const signing = (session: Session) =>
  new ApolloLink((operation, forward): Observable<Result> => {
    const attempt = (token: string) => {
      operation.setContext({ headers: { authorization: `Bearer ${token}` } });
      return forward(operation);
    };
    return from(session.accessToken()).pipe(
      switchMap((token) =>
        attempt(token).pipe(
          switchMap((result) =>
            codesOf(result.errors ?? []).includes('UNAUTHENTICATED')
              ? from(session.refresh(token)).pipe(switchMap(attempt))
              : of(result),
          ),
        ),
      ),
    );
  });

// Repeats what may be repeated, as it is: the idempotency key stays the same.
const repeating = new ApolloLink((operation, forward): Observable<Result> => {
  const repeatable = !isMutation(operation) || hasIdempotencyKey(operation.variables);
  const attempt = (n: number): Observable<Result> =>
    forward(operation).pipe(
      switchMap((result) => {
        const pause = result.errors ? retryDelay(result.errors, repeatable, n) : null;
        return pause === null ? of(result) : timer(pause).pipe(switchMap(() => attempt(n + 1)));
      }),
      catchError((error: unknown) => {
        const pause = error instanceof SignedOut ? null : retryDelay(null, repeatable, n);
        return pause === null ? throwError(() => error) : timer(pause).pipe(switchMap(() => attempt(n + 1)));
      }),
    );
  return attempt(1);
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A client of the service, and how to end it. */
export function createApollo(url: string, session: Session): { client: ApolloClient; close: () => Promise<void> } {
  const socket = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket, // browsers, and Node from 22 on, have one of their own
    connectionParams: async () => ({ authorization: `Bearer ${await session.accessToken()}` }),
    shouldRetry: () => true,
    on: {
      closed: (event) => {
        if (event instanceof Object && 'code' in event && event.code === 4403) {
          session.doubt();
        }
      },
    },
  });
  const requests = ApolloLink.from([
    repeating,
    signing(session),
    new PersistedQueryLink({ sha256 }),
    new HttpLink({ uri: url }),
  ]);
  const client = new ApolloClient({
    cache: new InMemoryCache({
      possibleTypes: fragments.possibleTypes,
      // fetchMore appends a page of sites to those that are there.
      typePolicies: { Query: { fields: { sites: relayStylePagination(['filter', 'orderBy']) } } },
    }),
    // Errors come beside the data instead of in its place: a part of a page may fail alone.
    defaultOptions: { query: { errorPolicy: 'all' }, mutate: { errorPolicy: 'all' }, watchQuery: { errorPolicy: 'all' } },
    link: ApolloLink.split(
      ({ query }) => {
        const main = getMainDefinition(query);
        return main.kind === 'OperationDefinition' && main.operation === OperationTypeNode.SUBSCRIPTION;
      },
      new GraphQLWsLink(socket),
      requests,
    ),
  });
  return {
    client,
    close: async () => {
      client.stop();
      await socket.dispose();
    },
  };
}
