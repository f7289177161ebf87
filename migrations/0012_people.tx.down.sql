drop table igny8_mails;
drop table igny8_reset_requests;
drop table igny8_mail_tokens;
drop table igny8_invitations;
drop index igny8_users_email_key;
alter table igny8_users add constraint igny8_users_email_key unique (tenant_id, email);
