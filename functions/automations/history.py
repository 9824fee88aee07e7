"""Runs with their steps, and what became of the messages that they planned."""

RUNS = """
  SELECT r.id, r.fan_id, r.version, r.turn, r.happened_at, r.status, r.step,
         CASE WHEN r.status = 'waiting' THEN r.due_at END AS due_at, r.reason, r.started_at,
         r.finished_at,
         coalesce((
           SELECT jsonb_agg(jsonb_build_object(
                    'step', s.step, 'kind', s.kind, 'outcome', s.outcome, 'reason', s.reason,
                    'send_id', s.send_id, 'send_state', m.state,
                    'send_reason', CASE WHEN w.until IS NULL THEN m.reason ELSE 'quiet_hours' END,
                    'send_due_at', CASE WHEN m.state = 'planned' THEN m.due_at END,
                    'taken_at', s.taken_at) ORDER BY s.number)
             FROM automation_steps s
             LEFT JOIN sends m ON m.workspace_id = s.workspace_id AND m.id = s.send_id
             -- Put off by the grant, which writes no reason for what may still go out.
             LEFT JOIN LATERAL (
               SELECT quiet_until(clock_timestamp(), coalesce(f.time_zone, k.time_zone),
                                  k.quiet_from, k.quiet_until) AS until
                 FROM fans f
                 JOIN creators k ON k.workspace_id = f.workspace_id AND k.id = f.creator_id
                WHERE f.workspace_id = m.workspace_id AND f.id = m.fan_id
                  AND m.state = 'planned' AND m.due_at > clock_timestamp()) w ON true
            WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id), '[]') AS steps
    FROM automation_runs r
   WHERE r.automation_id = %(automation)s
     AND (%(fan)s::uuid IS NULL OR r.fan_id = %(fan)s)
     AND (%(status)s::text IS NULL OR r.status = %(status)s)
     AND (%(after)s::uuid IS NULL OR r.id < %(after)s)
   ORDER BY r.id DESC LIMIT %(rows)s
"""
