// The page at `/`: GraphiQL under a header that knows who is signed in.

import './workers';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './app.css';

import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider, ImagePreview } from '@graphiql/react';
import type { Fetcher } from '@graphiql/toolkit';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { readConfig } from './config';
import { editorText, Seen } from './examples';
import { Header } from './Header';
import { Session } from './session';
import { storage } from './storage';
import { defineEditorThemes, editorTheme } from './theme';

const config = readConfig();
const session = new Session(config.endpoint);
const seen = new Seen();
const [demoUser] = config.demoUsers;
if (demoUser) seen.set('demo', { email: demoUser.email, password: demoUser.password });
session.subscribe(() => {
  const { identity } = session.snapshot();
  seen.set('viewer', identity?.paidPlan ? { paidPlan: identity.paidPlan } : {});
});

defineEditorThemes();

// GraphiQL loads pictures that answers point to when the mouse is over their address. Addresses in
// answers are other people's words; this page asks nobody but its own server.
ImagePreview.shouldRender = () => false;

/** Runs what GraphiQL wants to run, and learns from the answer. */
const fetcher: Fetcher = async (request, options) => {
  const headers = options?.headers as Record<string, string> | undefined;
  if (request.operationName === 'IntrospectionQuery') {
    return (await session.introspect(request, headers)) as never;
  }
  const result = await session.run(request, headers);
  seen.remember(result.data);
  const changed = options?.documentAST?.definitions.some(
    (definition) => definition.kind === 'OperationDefinition' && definition.operation === 'mutation',
  );
  if (changed && result.data && session.snapshot().identity) void session.identify();
  return result as never;
};

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];
const [welcome] = config.examples;

const root = document.getElementById('app');
if (!root) throw new Error('The page has no place for the application.');
createRoot(root).render(
  <GraphiQLProvider
    fetcher={fetcher}
    storage={storage}
    plugins={plugins}
    referencePlugin={DOC_EXPLORER_PLUGIN}
    editorTheme={editorTheme}
    schemaDescription
    inputValueDeprecation
    defaultTabs={[{ query: welcome ? editorText(welcome) : '' }]}
  >
    <HistoryStore>
      <DocExplorerStore>
        <Header config={config} session={session} seen={seen} />
        <main className="workbench">
          <GraphiQLInterface
            showPersistHeadersSettings={false}
            defaultEditorToolsVisibility="variables"
          >
            <GraphiQL.Logo>{' '}</GraphiQL.Logo>
            <GraphiQL.Footer>
              <p className="foot">
                <code>POST {config.endpoint}</code>
                <a href={config.licensesURL} target="_blank" rel="noopener">
                  Software in this page
                </a>
              </p>
            </GraphiQL.Footer>
          </GraphiQLInterface>
        </main>
      </DocExplorerStore>
    </HistoryStore>
  </GraphiQLProvider>,
);
