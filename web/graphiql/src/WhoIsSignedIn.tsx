import type { Identity, Session } from './session';

/** `PENDING_PAYMENT` as people write it: `pending payment`. Staff have the role DEVELOPER. */
function words(value: string): string {
  return value === 'DEVELOPER' ? 'staff' : value.toLowerCase().replaceAll('_', ' ');
}

export function WhoIsSignedIn({ identity, session }: { identity: Identity; session: Session }) {
  return (
    <div className="who">
      <p>
        <strong>{identity.account}</strong>
        <span className="plan">{identity.plan}</span>
        {identity.status !== 'ACTIVE' && <span className={`status ${identity.status}`}>{words(identity.status)}</span>}
        <br />
        <small>
          {identity.email} · {words(identity.role)}
        </small>
      </p>
      <button type="button" className="bar-button" onClick={() => session.signOut()}>
        Sign out
      </button>
    </div>
  );
}
