"""Who may pass API Gateway: asked for every request, answered by the database."""
