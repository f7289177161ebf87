-- The audit log: what it is searched by, and that nobody changes it by mistake. Of staff who act for an
-- account, the database itself allows each one time at once.

create index igny8_audit_events_subject_idx on igny8_audit_events (tenant_id, subject_type, subject_id, id);
create index igny8_audit_events_actor_idx on igny8_audit_events (tenant_id, actor_id, id);
-- By code point, so that the actions of one kind stand together: site. and all that begins with it.
create index igny8_audit_events_action_idx on igny8_audit_events (tenant_id, action collate "C", id);
create index igny8_audit_events_created_idx on igny8_audit_events (tenant_id, created_at);
create index igny8_audit_events_impersonation_idx
    on igny8_audit_events (tenant_id, impersonation_id, id) where impersonation_id is not null;

create unique index igny8_impersonations_live_key
    on igny8_impersonations (tenant_id, staff_tenant, staff_id) where ended_at is null;

-- The application's role has no privilege to change the log. This stops everyone else who does it by
-- mistake; a database that cannot have the trigger keeps the promise by privilege alone.
--
-- One thing may happen to an event: personal data is taken out of it once its account or person is gone
-- for good. A function of the owner's (security definer) does that, in a transaction in which it has said
-- so by set_config('app.scrub_audit', 'on', true). Who did what, on what and when stays even then.
create function igny8_audit_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and current_user = 'igny8_owner' and current_setting('app.scrub_audit', true) = 'on'
       and (new.tenant_id, new.id, new.action, new.subject_type, new.subject_id, new.actor_kind, new.actor_id,
            new.impersonation_id, new.created_at)
           is not distinct from
           (old.tenant_id, old.id, old.action, old.subject_type, old.subject_id, old.actor_kind, old.actor_id,
            old.impersonation_id, old.created_at) then
        return new;
    end if;
    raise exception 'the table % is only ever added to', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger append_only before update or delete on igny8_audit_events
    for each row execute function igny8_audit_append_only();
create trigger append_only_whole before truncate on igny8_audit_events
    for each statement execute function igny8_audit_append_only();
