// The header: the product's name, the examples, and who is signed in.

import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useSyncExternalStore } from 'react';
import type { Config, Example } from './config';
import { byGroup, editorText, fillIn, type Seen } from './examples';
import { BookIcon, ChevronIcon, Logo, SparkIcon } from './icons';
import { Panel } from './Panel';
import type { Session } from './session';
import { SignIn } from './SignIn';
import { TokenField } from './TokenField';
import { WhoIsSignedIn } from './WhoIsSignedIn';

interface HeaderProps {
  config: Config;
  session: Session;
  seen: Seen;
}

export function Header({ config, session, seen }: HeaderProps) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  return (
    <header className="bar">
      <a className="brand" href="/" aria-label={config.title}>
        <Logo />
        <span>{config.title}</span>
      </a>
      <nav className="bar-nav">
        <Examples examples={config.examples} seen={seen} />
        {config.schemaURL && (
          <a className="bar-button" href={config.schemaURL} target="_blank" rel="noopener">
            <BookIcon /> Schema
          </a>
        )}
      </nav>
      <div className="bar-session">
        {state.offered && (
          <p className="offer" role="status">
            <span>The answer holds an access token.</span>
            <button type="button" className="link" onClick={() => state.offered && session.useTokens(state.offered)}>
              Use it
            </button>
            <button type="button" className="link quiet" onClick={() => session.dismissOffer()}>
              Not now
            </button>
          </p>
        )}
        <TokenField token={state.token} session={session} />
        {state.identity ? (
          <WhoIsSignedIn identity={state.identity} session={session} />
        ) : (
          <>
            {state.problem && (
              <p className="problem" role="alert" title={state.problem}>
                {state.problem}
              </p>
            )}
            <SignIn config={config} session={session} />
          </>
        )}
      </div>
    </header>
  );
}

function Examples({ examples, seen }: { examples: Example[]; seen: Seen }) {
  const { addTab, setOperationName, updateActiveTabValues } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  function open(example: Example) {
    const query = editorText(example);
    const variables = fillIn(example, seen, new Date());
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    updateActiveTabValues({ query, variables });
    setOperationName(example.name);
    queryEditor?.focus();
    // Once the new tab is drawn; with many of them open it may be out of sight.
    requestAnimationFrame(() => {
      document.querySelector('.graphiql-tab-active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
  }

  return (
    <Panel
      id="examples"
      className="examples"
      align="start"
      button={
        <>
          <SparkIcon /> Examples <ChevronIcon />
        </>
      }
    >
      {(close) =>
        byGroup(examples).map(([group, members]) => (
          <section key={group} aria-label={group}>
            <h2>{group}</h2>
            {members.map((example) => (
              <button
                key={example.name}
                type="button"
                data-example={example.name}
                onClick={() => {
                  close();
                  open(example);
                }}
              >
                <strong>{example.title}</strong>
                <span>{example.about}</span>
              </button>
            ))}
          </section>
        ))
      }
    </Panel>
  );
}
