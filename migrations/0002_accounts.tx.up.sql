-- Accounts (the tenants), their people and sessions, and the two global directories by which a
-- request that has no tenant yet finds one.
--
-- In every tenant-owned table tenant_id leads the primary key, the foreign keys between such tables
-- and the unique indexes: a row cannot point into another account because no such key exists.

create table igny8_tenants (
    id                      bigserial primary key,
    name                    text not null check (name <> ''),
    slug                    text not null check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    plan_id                 bigint not null,
    owner_id                bigint,
    status                  text not null
                            check (status in ('trial', 'pending_payment', 'active', 'suspended', 'cancelled')),
    status_reason           text not null default '',
    -- Set by hand in the database alone: no API writes it.
    is_system               boolean not null default false,
    billing_email           text,
    billing_address         jsonb not null default '{}',
    stripe_customer_id      text,
    deletion_retention_days integer not null default 14 check (deletion_retention_days between 1 and 365),
    created_at              timestamptz not null default now(),
    updated_at              timestamptz not null default now(),
    deleted_at              timestamptz,
    deleted_by              bigint,
    restore_until           timestamptz,
    check ((deleted_at is null) = (restore_until is null))
);
alter table igny8_tenants
    add constraint igny8_tenants_plan_fkey foreign key (plan_id) references igny8_plans (id);

create table igny8_users (
    tenant_id         bigint not null,
    id                bigserial,
    email             text not null check (email = lower(email)),
    name              text not null default '',
    role              text not null
                      check (role in ('viewer', 'editor', 'admin', 'owner', 'developer', 'system_bot')),
    -- argon2id in PHC form; absent for a person who cannot sign in by password.
    password_hash     text,
    email_verified_at timestamptz,
    last_login_at     timestamptz,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    deleted_at        timestamptz,
    deleted_by        bigint,
    restore_until     timestamptz,
    primary key (tenant_id, id),
    constraint igny8_users_email_key unique (tenant_id, email),
    check ((deleted_at is null) = (restore_until is null))
);
alter table igny8_users
    add constraint igny8_users_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
-- Account and first user are written in one transaction and point at each other.
alter table igny8_tenants
    add constraint igny8_tenants_owner_fkey foreign key (id, owner_id) references igny8_users (tenant_id, id)
    deferrable initially deferred;

-- Which account a slug belongs to, and whom an email signs in: unique across all accounts, so they
-- stand in global tables that hold nothing else. A command takes them first, before it writes the rest.
create table igny8_slug_directory (
    slug      text constraint igny8_slug_directory_pkey primary key,
    tenant_id bigint not null
);
create table igny8_login_directory (
    email     text constraint igny8_login_directory_pkey primary key check (email = lower(email)),
    tenant_id bigint not null,
    user_id   bigint not null
);
alter table igny8_slug_directory
    add constraint igny8_slug_directory_tenant_fkey foreign key (tenant_id) references igny8_tenants (id)
    deferrable initially deferred;
alter table igny8_login_directory
    add constraint igny8_login_directory_user_fkey foreign key (tenant_id, user_id)
    references igny8_users (tenant_id, id) deferrable initially deferred;

-- One row a signed-in device: a family of refresh tokens, of which only the newest is good.
create table igny8_sessions (
    tenant_id      bigint not null,
    id             bigserial,
    user_id        bigint not null,
    -- How often the refresh token was exchanged; the good token is of this generation.
    generation     integer not null default 0 check (generation >= 0),
    token_hash     bytea not null,
    rotated_at     timestamptz not null default now(),
    expires_at     timestamptz not null,
    revoked_at     timestamptz,
    revoked_reason text check (revoked_reason in ('log_out', 'reuse', 'password', 'role', 'removed', 'revoked')),
    ip             text not null default '',
    user_agent     text not null default '',
    created_at     timestamptz not null default now(),
    primary key (tenant_id, id),
    check ((revoked_at is null) = (revoked_reason is null))
);
alter table igny8_sessions
    add constraint igny8_sessions_user_fkey foreign key (tenant_id, user_id) references igny8_users (tenant_id, id);
create index igny8_sessions_user_idx on igny8_sessions (tenant_id, user_id);

grant select, insert, update on igny8_tenants, igny8_users, igny8_sessions to igny8_app;
grant select, insert, update, delete on igny8_slug_directory, igny8_login_directory to igny8_app;
-- No API makes or unmakes a system account.
revoke insert, update on igny8_tenants from igny8_app;
grant insert (id, name, slug, plan_id, owner_id, status, billing_email, created_at, updated_at),
      update (name, slug, plan_id, owner_id, status, status_reason, billing_email, billing_address, stripe_customer_id,
              deletion_retention_days, updated_at, deleted_at, deleted_by, restore_until)
      on igny8_tenants to igny8_app;
grant usage on sequence igny8_tenants_id_seq, igny8_users_id_seq, igny8_sessions_id_seq to igny8_app;
