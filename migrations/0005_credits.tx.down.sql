drop table igny8_credit_cost_config;
drop table igny8_credit_transaction_grants;
drop table igny8_credit_transactions;
drop table igny8_credit_grants;
drop table igny8_credit_accounts;
