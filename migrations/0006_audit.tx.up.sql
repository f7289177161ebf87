-- Who did what, on what, from where, when; written in the transaction of the change, never changed.

create table igny8_audit_events (
    tenant_id       bigint not null,
    id              bigserial,
    action          text not null check (action <> ''),
    subject_type    text not null,
    subject_id      bigint not null,
    actor_kind      text not null check (actor_kind in ('user', 'staff', 'api_key', 'system')),
    actor_id        bigint,
    before          jsonb,
    after           jsonb,
    ip              text not null default '',
    user_agent      text not null default '',
    request_id      text not null default '',
    created_at      timestamptz not null,
    primary key (tenant_id, id)
);
alter table igny8_audit_events
    add constraint igny8_audit_events_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);

grant select, insert on igny8_audit_events to igny8_app;
grant usage on sequence igny8_audit_events_id_seq to igny8_app;
