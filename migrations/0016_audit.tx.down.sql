drop trigger append_only_whole on igny8_audit_events;
drop trigger append_only on igny8_audit_events;
drop function igny8_audit_append_only();
drop index igny8_impersonations_live_key;
drop index igny8_audit_events_impersonation_idx;
drop index igny8_audit_events_created_idx;
drop index igny8_audit_events_action_idx;
drop index igny8_audit_events_actor_idx;
drop index igny8_audit_events_subject_idx;
