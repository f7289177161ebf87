// Where GraphiQL keeps what it remembers. Layout and theme are harmless and stay in localStorage.
// Everything else may hold what a person typed, passwords in the variables of `logIn` included, so
// it lives in sessionStorage and goes with the tab.

const lasting = /^graphiql:(theme|docExplorerFlex|editorFlex|secondaryEditorFlex)$/;

function storeFor(key: string): Storage {
  return lasting.test(key) ? localStorage : sessionStorage;
}

function ownKeys(store: Storage): string[] {
  return Object.keys(store).filter((key) => key.startsWith('graphiql:'));
}

/** Implements what GraphiQL asks of a storage: see Storage in @graphiql/toolkit. */
export const storage = {
  getItem: (key: string) => storeFor(key).getItem(key),
  setItem: (key: string, value: string) => storeFor(key).setItem(key, value),
  removeItem: (key: string) => storeFor(key).removeItem(key),
  clear() {
    for (const store of [localStorage, sessionStorage]) {
      for (const key of ownKeys(store)) store.removeItem(key);
    }
  },
  get length() {
    return ownKeys(localStorage).length + ownKeys(sessionStorage).length;
  },
};
