// The access token in use. What is pasted here goes out as `Authorization: Bearer …`.

import { useEffect, useState, type FormEvent } from 'react';
import { CheckIcon, CopyIcon, KeyIcon } from './icons';
import type { Session } from './session';

export function TokenField({ token, session }: { token: string; session: Session }) {
  const [draft, setDraft] = useState(token);
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    setDraft(token);
    setCopied(false);
  }, [token]);

  function apply(event?: FormEvent) {
    event?.preventDefault();
    if (draft.trim() !== token) void session.useToken(draft);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(token);
      setCopied(true);
    } catch {
      setCopied(false); // The browser may refuse, e.g. over plain HTTP; the field can still be read.
    }
  }

  return (
    <form className="token" onSubmit={apply}>
      <KeyIcon />
      <input
        aria-label="Access token"
        name="access-token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="Access token"
        title="Sent as Authorization: Bearer … with each operation"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => apply()}
      />
      {token && (
        <button type="button" aria-label="Copy the access token" title="Copy" onClick={copy}>
          {copied ? <CheckIcon /> : <CopyIcon />}
        </button>
      )}
    </form>
  );
}
