// Who is signed in. The access token is kept in sessionStorage, so that it survives a reload and
// goes with the tab; the refresh token is kept in memory alone, because it works once: two tabs
// that shared it would end each other's session.

import { post, type GraphQLRequest, type GraphQLResult, type UserError } from './api';

export interface Identity {
  email: string;
  role: string;
  account: string;
  status: string;
  plan: string;
  /** The slug of the account's plan where it is one that the owner pays for, else empty. */
  paidPlan: string;
}

export interface SessionState {
  /** The token in use; empty when nobody is signed in. */
  token: string;
  /** Whoever the token belongs to; null until the server has said so. */
  identity: Identity | null;
  /** What went wrong with the token last, for people; empty when nothing did. */
  problem: string;
  /** A session seen in an answer in the editor, which could be taken into use. */
  offered: Tokens | null;
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
}

interface SessionPayload {
  session: Tokens | null;
  userErrors: UserError[];
}

const LOG_IN = `mutation LogIn($input: LogInInput!) {
  logIn(input: $input) {
    session { accessToken refreshToken expiresAt }
    userErrors { message code }
  }
}`;

const REFRESH = `mutation RefreshSession($input: RefreshSessionInput!) {
  refreshSession(input: $input) {
    session { accessToken refreshToken expiresAt }
    userErrors { message code }
  }
}`;

const LOG_OUT = `mutation LogOut { logOut(input: {}) { userErrors { message code } } }`;

const VIEWER = `query Viewer {
  viewer { user { email role } account { name status plan { name slug selfServe price { amount } } } }
}`;

interface ViewerData {
  viewer: {
    user: { email: string; role: string };
    account: {
      name: string;
      status: string;
      plan: { name: string; slug: string; selfServe: boolean; price: { amount: string } };
    };
  } | null;
}

const STORAGE_KEY = 'igny8:access-token';
const REFRESH_EARLY_MS = 30_000;
const nobody: SessionState = { token: '', identity: null, problem: '', offered: null };

export class Session {
  readonly #endpoint: string;
  readonly #listeners = new Set<() => void>();
  #state: SessionState = nobody;
  #refreshToken = '';
  #expiresAt = Number.POSITIVE_INFINITY;
  #refreshing: Promise<void> | null = null;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
    const token = sessionStorage.getItem(STORAGE_KEY);
    if (token) void this.useToken(token);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): SessionState => this.#state;

  /** Signs in; the answer is what to tell the person, empty when it worked. */
  async signIn(email: string, password: string): Promise<string> {
    const result = await post<{ logIn: SessionPayload }>(
      this.#endpoint,
      { query: LOG_IN, variables: { input: { email, password } }, operationName: 'LogIn' },
      {},
    );
    const session = result.data?.logIn?.session;
    if (!session) {
      const [problem] = [...(result.data?.logIn?.userErrors ?? []), ...(result.errors ?? [])];
      return problem?.message ?? 'Signing in failed.';
    }
    await this.useTokens(session);
    return '';
  }

  /** Takes the tokens of a session into use. */
  async useTokens(tokens: Tokens): Promise<void> {
    this.#keep(tokens, null);
    await this.identify();
  }

  /** Takes a token that a person pasted into use; an empty one signs out without ending it. */
  async useToken(token: string): Promise<void> {
    this.#refreshToken = '';
    this.#expiresAt = Number.POSITIVE_INFINITY;
    this.#store(token.trim().replace(/^bearer\s+/i, ''), null);
    await this.identify();
  }

  /** Ends the session on the server too; whatever it answers, the page forgets the tokens. */
  async signOut(): Promise<void> {
    const headers = this.#authorization();
    await this.useToken('');
    await post(this.#endpoint, { query: LOG_OUT, operationName: 'LogOut' }, headers);
  }

  dismissOffer(): void {
    this.#set({ offered: null });
  }

  /** Runs an operation as whoever is signed in; headers given by the caller win. */
  async run(
    request: GraphQLRequest,
    headers: Record<string, string> = {},
  ): Promise<GraphQLResult> {
    await this.#refreshIfDue();
    const { token } = this.#state;
    const result = await post(this.#endpoint, request, { ...this.#authorization(), ...headers });
    const ownHeader = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
    if (!ownHeader && isUnauthenticated(result)) this.#drop(token, 'The session has ended. Sign in again.');
    this.#noticeSession(result);
    return result;
  }

  /** Reads the schema, which is open to all: as nobody, so that a token that has ended is not in the way. */
  introspect(request: GraphQLRequest, headers: Record<string, string> = {}): Promise<GraphQLResult> {
    return post(this.#endpoint, request, headers);
  }

  /** Asks the server whose token is in use. */
  async identify(): Promise<void> {
    await this.#refreshIfDue();
    const { token } = this.#state;
    if (!token) return;
    const result = await post<ViewerData>(
      this.#endpoint,
      { query: VIEWER, operationName: 'Viewer' },
      this.#authorization(),
    );
    if (token !== this.#state.token) return; // Another token came into use meanwhile.
    const viewer = result.data?.viewer;
    if (!viewer) {
      const problem = result.errors?.[0]?.message ?? 'The token is not valid.';
      if (isUnauthenticated(result)) this.#drop(token, problem);
      else this.#set({ identity: null, problem });
      return;
    }
    const { user, account } = viewer;
    this.#set({
      problem: '',
      identity: {
        email: user.email,
        role: user.role,
        account: account.name,
        status: account.status,
        plan: account.plan.name,
        paidPlan: account.plan.selfServe && Number(account.plan.price.amount) > 0 ? account.plan.slug : '',
      },
    });
  }

  #authorization(): Record<string, string> {
    const { token } = this.#state;
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** Exchanges the refresh token shortly before the access token ends; once, however many ask. */
  #refreshIfDue(): Promise<void> {
    if (!this.#refreshToken || Date.now() < this.#expiresAt - REFRESH_EARLY_MS) {
      return Promise.resolve();
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const refreshToken = this.#refreshToken;
    const result = await post<{ refreshSession: SessionPayload }>(
      this.#endpoint,
      { query: REFRESH, variables: { input: { refreshToken } }, operationName: 'RefreshSession' },
      {},
    );
    if (refreshToken !== this.#refreshToken) return; // Signed out or in again meanwhile.
    const session = result.data?.refreshSession?.session;
    if (session) this.#keep(session, this.#state.identity);
    else if (result.data) this.#refreshToken = ''; // Refused for good; a lost connection is not.
  }

  #keep(tokens: Tokens, identity: Identity | null): void {
    this.#refreshToken = tokens.refreshToken;
    this.#expiresAt = Date.parse(tokens.expiresAt);
    this.#store(tokens.accessToken, identity);
  }

  #store(token: string, identity: Identity | null): void {
    if (token) sessionStorage.setItem(STORAGE_KEY, token);
    else sessionStorage.removeItem(STORAGE_KEY);
    this.#set({ token, identity, problem: '', offered: null });
  }

  /** Forgets a token that the server refuses: with it even public operations would be refused. */
  #drop(token: string, problem: string): void {
    if (!token || token !== this.#state.token) return;
    this.#refreshToken = '';
    this.#store('', null);
    this.#set({ problem });
  }

  /** Offers the session of a signUp, logIn or refreshSession that was run in the editor. */
  #noticeSession(result: GraphQLResult): void {
    for (const value of Object.values(result.data ?? {})) {
      const session = (value as { session?: Partial<Tokens> } | null)?.session;
      if (session?.accessToken) {
        const { accessToken, refreshToken = '', expiresAt = '' } = session;
        this.#set({ offered: { accessToken, refreshToken, expiresAt } });
      }
    }
  }

  #set(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function isUnauthenticated(result: GraphQLResult<unknown>): boolean {
  return result.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED') ?? false;
}
