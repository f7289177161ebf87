// What the server tells the page: one block of JSON in the document, written by web.Handler.

export interface DemoUser {
  email: string;
  password: string;
  about: string;
}

export interface Example {
  name: string;
  title: string;
  group: string;
  about: string;
  query: string;
  /** JSON text with placeholders (see examples.ts); empty where the operation takes none. */
  variables: string;
}

export interface Config {
  title: string;
  endpoint: string;
  /** Where the schema can be read as text; empty where the server does not offer it. */
  schemaURL: string;
  licensesURL: string;
  demo: boolean;
  demoUsers: DemoUser[];
  examples: Example[];
}

export function readConfig(): Config {
  const block = document.getElementById('config');
  if (!block?.textContent) throw new Error('The page carries no configuration.');
  return JSON.parse(block.textContent) as Config;
}
