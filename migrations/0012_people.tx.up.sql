-- People: invitations, what is proved by a token that was mailed, and the mails themselves.

-- A person who was removed leaves their address to whoever comes after.
alter table igny8_users drop constraint igny8_users_email_key;
create unique index igny8_users_email_key on igny8_users (tenant_id, email) where deleted_at is null;

create table igny8_invitations (
    tenant_id   bigint not null,
    id          bigserial,
    email       text not null check (email = lower(email)),
    role        text not null check (role in ('viewer', 'editor', 'admin', 'owner')),
    -- The sites that an editor or a viewer will reach; those that are gone by then are passed over.
    site_ids    bigint[] not null default '{}',
    -- SHA-256 of the token in the mail.
    token_hash  bytea not null,
    invited_by  bigint not null,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    accepted_at timestamptz,
    accepted_by bigint,
    revoked_at  timestamptz,
    primary key (tenant_id, id),
    check (expires_at > created_at),
    check ((accepted_at is null) = (accepted_by is null)),
    check (accepted_at is null or revoked_at is null)
);
alter table igny8_invitations
    add constraint igny8_invitations_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_invitations
    add constraint igny8_invitations_invited_by_fkey foreign key (tenant_id, invited_by)
    references igny8_users (tenant_id, id);
-- One open invitation an address; a new one takes the place of the old.
create unique index igny8_invitations_open_key
    on igny8_invitations (tenant_id, email) where accepted_at is null and revoked_at is null;

-- What a mailed token is good for, once: a new password, the proof of an address, an account's return.
create table igny8_mail_tokens (
    tenant_id  bigint not null,
    id         bigserial,
    purpose    text not null check (purpose in ('reset_password', 'verify_email', 'restore_account')),
    user_id    bigint not null,
    -- The address that it was mailed to.
    email      text not null,
    token_hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    primary key (tenant_id, id),
    check (expires_at > created_at)
);
alter table igny8_mail_tokens
    add constraint igny8_mail_tokens_user_fkey foreign key (tenant_id, user_id) references igny8_users (tenant_id, id);
create index igny8_mail_tokens_user_idx on igny8_mail_tokens (tenant_id, user_id);

-- Requests to reset a password, as they came: one row whether the address is known or not, so that
-- neither answer nor time tells which. What comes of them happens later.
create table igny8_reset_requests (
    id         bigserial primary key,
    email      text not null,
    ip         text not null default '',
    user_agent text not null default '',
    request_id text not null default '',
    created_at timestamptz not null
);

-- Mails to send, written in the transaction that they tell of. What they say is sealed, because links
-- in them open doors, and is forgotten once they are sent.
create table igny8_mails (
    tenant_id  bigint not null,
    id         bigserial,
    kind       text not null check (kind <> ''),
    -- Recipient, subject and text, sealed; absent once sent or given up.
    sealed     bytea,
    key_id     text not null,
    created_at timestamptz not null,
    -- When to try next.
    due_at     timestamptz not null,
    attempts   integer not null default 0 check (attempts >= 0),
    sent_at    timestamptz,
    given_up_at timestamptz,
    primary key (tenant_id, id),
    check (sent_at is null or given_up_at is null),
    check ((sealed is null) = (sent_at is not null or given_up_at is not null))
);
alter table igny8_mails
    add constraint igny8_mails_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
create index igny8_mails_due_idx on igny8_mails (due_at) where sealed is not null;

grant select, insert, update on igny8_invitations, igny8_mail_tokens, igny8_mails to igny8_app;
grant select, insert, delete on igny8_reset_requests to igny8_app;
-- Whose sessions have ended need not be kept for ever, nor tokens and mails that are done with.
grant delete on igny8_mail_tokens, igny8_mails to igny8_app;
grant usage on sequence igny8_invitations_id_seq, igny8_mail_tokens_id_seq, igny8_reset_requests_id_seq, igny8_mails_id_seq
    to igny8_app;

do $$
declare
    name text;
begin
    foreach name in array array['igny8_invitations', 'igny8_mail_tokens', 'igny8_mails'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
-- The worker looks for what is due among all accounts; what it changes, it changes as each account.
create policy staff on igny8_mails for select using (current_setting('app.staff', true) = 'on');
