revoke usage on sequence igny8_credit_cost_config_id_seq from igny8_app;
revoke insert on igny8_credit_cost_config from igny8_app;
drop table igny8_credit_alerts;
alter table igny8_credit_accounts drop column low_since;
alter table igny8_credit_accounts drop column low_below;
alter table igny8_credit_accounts drop column has_budgets;
drop table igny8_site_budgets;
drop table igny8_credit_usage_days;
