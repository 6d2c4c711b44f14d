"""`org-common doctor`: finds problems of a project and its deployment, each with a reason and a fix."""
