// Signing in by email and password, or in demo mode by choosing one of the demo's people.

import { useId, useState, type FormEvent } from 'react';
import type { Config } from './config';
import { Panel } from './Panel';
import type { Session } from './session';

export function SignIn({ config, session }: { config: Config; session: Session }) {
  const id = useId();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');

  async function signIn(as: { email: string; password: string }) {
    setBusy(true);
    setProblem('');
    const answer = await session.signIn(as.email, as.password);
    setBusy(false);
    setProblem(answer);
    if (answer === '') setPassword('');
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void signIn({ email: email.trim(), password });
  }

  return (
    <Panel id="sign-in" className="sign-in" align="end" buttonClass="primary" button="Sign in">
      {() => (
        <>
          <form onSubmit={submit} aria-busy={busy}>
            <label htmlFor={`${id}-email`}>Email</label>
            <input
              id={`${id}-email`}
              name="email"
              type="email"
              autoComplete="username"
              required
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
            <label htmlFor={`${id}-password`}>Password</label>
            <input
              id={`${id}-password`}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            {problem && (
              <p className="form-problem" role="alert">
                {problem}
              </p>
            )}
            <button type="submit" className="submit" disabled={busy}>
              {busy ? 'Signing in…' : 'Sign in'}
            </button>
          </form>
          {config.demo && config.demoUsers.length > 0 && (
            <section className="demo" aria-label="Demo accounts">
              <h2>Demo accounts</h2>
              {config.demoUsers.map((user) => (
                <button key={user.email} type="button" disabled={busy} onClick={() => signIn(user)}>
                  <strong>{user.email}</strong>
                  <span>{user.about}</span>
                </button>
              ))}
              <DemoPasswords config={config} />
            </section>
          )}
        </>
      )}
    </Panel>
  );
}

function DemoPasswords({ config }: { config: Config }) {
  const passwords = [...new Set(config.demoUsers.map((user) => user.password))];
  return (
    <p className="hint">
      {passwords.length === 1 ? 'Their password is ' : 'Their passwords are '}
      {passwords.map((password) => (
        <code key={password}>{password}</code>
      ))}
    </p>
  );
}
