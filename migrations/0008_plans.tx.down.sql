delete from igny8_plans where slug in ('free', 'starter', 'growth', 'scale', 'enterprise', 'free-trial');
