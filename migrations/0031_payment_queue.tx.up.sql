-- The queue's first page, on years of payments.

-- The same as before, as a sub-select that is asked once a statement. Of a comparison with a setting the planner believes that one
-- row in two hundred passes it, and so it sorted all that wait rather than to walk an index until the page is full. Of a
-- sub-select it believes that every other one does.
alter policy staff on igny8_payments using ((select current_setting('app.staff', true) = 'on'));
alter policy staff on igny8_tenants using ((select current_setting('app.staff', true) = 'on'));

-- What was said within the last days.
create index igny8_payment_approvals_created_idx on igny8_payment_approvals (created_at);
