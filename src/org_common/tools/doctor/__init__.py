"""`org-common doctor`: what is wrong with a project and with what is deployed of it, each with a reason and a fix."""
