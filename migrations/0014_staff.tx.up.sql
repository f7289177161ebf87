-- Staff who act for an account: for a reason, for some minutes, before the account's eyes.

create table igny8_impersonations (
    tenant_id    bigint not null,
    id           bigserial,
    -- Who acts, and in which session of theirs; rows of the staff's own account.
    staff_tenant bigint not null,
    staff_id     bigint not null,
    session_id   bigint not null,
    reason       text not null check (reason <> ''),
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    ended_at     timestamptz,
    primary key (tenant_id, id),
    check (expires_at > created_at)
);
alter table igny8_impersonations
    add constraint igny8_impersonations_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

-- The impersonation under which staff did something.
alter table igny8_audit_events add column impersonation_id bigint;
alter table igny8_audit_events
    add constraint igny8_audit_events_impersonation_fkey foreign key (tenant_id, impersonation_id)
    references igny8_impersonations (tenant_id, id);

grant select, insert, update on igny8_impersonations to igny8_app;
grant usage on sequence igny8_impersonations_id_seq to igny8_app;

alter table igny8_impersonations enable row level security;
alter table igny8_impersonations force row level security;
create policy tenant on igny8_impersonations
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint);

-- Support finds accounts by name, newest first, and by the address that somebody signs in with.
create index igny8_tenants_created_idx on igny8_tenants (created_at, id);
