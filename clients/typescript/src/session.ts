import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { LogInDocument, RefreshSessionDocument, type TokensFragment } from './gql/graphql.js';
import { byField, codesOf, type TopLevelError } from './problems.js';

/** The session is over, for whatever reason: show the sign-in form. */
export class SignedOut extends Error {
  override readonly name = 'SignedOut';
}

/**
 * Who is signed in. The tokens live in memory alone: what a script can read from storage, an injected
 * script can carry away. A page that is loaded again signs in again, or asks a server of its own that keeps
 * the refresh token.
 */
export class Session {
  #tokens: TokensFragment;
  #staleAt: number;
  #refreshing: Promise<string> | null = null;
  readonly #url: string;
  readonly #fetch: typeof fetch;

  constructor(url: string, tokens: TokensFragment, fetcher: typeof fetch = fetch) {
    this.#url = url;
    this.#fetch = fetcher;
    this.#tokens = tokens;
    this.#staleAt = staleAt(tokens);
  }

  static async signIn(url: string, email: string, password: string, fetcher: typeof fetch = fetch): Promise<Session> {
    const { logIn } = await ask(fetcher, url, LogInDocument, { input: { email, password } });
    if (!logIn?.session) {
      throw new SignedOut(Object.values(byField(logIn?.userErrors ?? [])).join('; '));
    }
    return new Session(url, logIn.session, fetcher);
  }

  /** An access token that is good for a while yet. */
  async accessToken(): Promise<string> {
    return Date.now() < this.#staleAt ? this.#tokens.accessToken : this.refresh(this.#tokens.accessToken);
  }

  /**
   * A token in place of one that was refused. However many requests were refused at once, one exchange is
   * made: whoever comes later waits for it, or finds that it is done.
   */
  async refresh(refused: string): Promise<string> {
    if (refused !== this.#tokens.accessToken) {
      return this.#tokens.accessToken;
    }
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /**
   * The service doubts a token, as it says when it closes a socket: the next one asked for is fresh. Without a
   * token, it is the one that there is.
   */
  doubt(refused: string = this.#tokens.accessToken): void {
    if (refused === this.#tokens.accessToken) {
      this.#staleAt = 0;
    }
  }

  async #exchange(): Promise<string> {
    // An exchange whose answer was lost is repeated within seconds and answers the same.
    const { refreshSession } = await ask(this.#fetch, this.#url, RefreshSessionDocument, {
      input: { refreshToken: this.#tokens.refreshToken },
    });
    if (!refreshSession?.session) {
      throw new SignedOut('the session is over');
    }
    this.#tokens = refreshSession.session;
    this.#staleAt = staleAt(this.#tokens);
    return this.#tokens.accessToken;
  }
}

// Half a minute before the end; but a minute in any case, so that a clock that is wrong does not have every
// request refresh.
function staleAt(tokens: TokensFragment): number {
  const now = Date.now();
  return now + Math.max(60_000, Date.parse(tokens.expiresAt) - now) - 30_000;
}

// ask is what signing in needs of a client, before there is one.
async function ask<Data, Variables>(
  fetcher: typeof fetch,
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetcher(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer = (await response.json()) as { data?: Data; errors?: TopLevelError[] };
  if (!answer.data || answer.errors) {
    throw new Error(`the service answers ${response.status}: ${codesOf(answer.errors ?? []).join(', ')}`);
  }
  return answer.data;
}
