drop index igny8_payment_approvals_created_idx;
alter policy staff on igny8_tenants using (current_setting('app.staff', true) = 'on');
alter policy staff on igny8_payments using (current_setting('app.staff', true) = 'on');
