"""/management/v1/projects: those that the management key's project owns, and itself."""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.store.projects import managed_projects
from tallybook.usecases.projects import CreateProject, DeleteProject, NewProjectFields, ProjectFields, UpdateProject
from tallybook.wire import lists
from tallybook.wire.projects import project_full, project_made, project_made_before


def create_project(call: Call) -> Wish:
    """Make a project with a key of its own, managed by the keys of this one. Token and webhook secret are shown this once."""
    return Wish(
        CreateProject(**call.wish, fields=call.body(NewProjectFields)),
        lambda made: project_made(made.project, made.issued.key.id, made.issued.token),
        kept=lambda made: project_made_before(made.project, made.issued.key.id),
    )


def list_projects(call: Call, look: Look) -> Any:
    """The project of this key, those it owns, and theirs; oldest first."""
    found = managed_projects(look.connection, call.project_id)
    return lists.page([project_full(one) for one in found], len(found))


def get_project(_: Call, look: Look) -> Any:
    """A project."""
    return project_full(look.configuration.project)


def update_project(call: Call) -> Wish:
    """Change name, description, currency or time zone; what is not sent stays."""
    return Wish(UpdateProject(**call.wish, fields=call.body(ProjectFields)), project_full)


def delete_project(call: Call) -> Wish:
    """Put a project out of reach, with its keys and all that is in it. The first project cannot be deleted."""
    return Wish(DeleteProject(**call.wish), changes_keys=True)


_PROJECT = "/management/v1/projects/{projectId}"

ROUTES = [
    Route("POST", "/management/v1/projects", "Create project", write=create_project, takes=NewProjectFields),
    Route("GET", "/management/v1/projects", "List projects", read=list_projects),
    Route("GET", _PROJECT, "Get project", read=get_project),
    Route("PUT", _PROJECT, "Update project", write=update_project, takes=ProjectFields),
    Route("DELETE", _PROJECT, "Delete project", write=delete_project, status=204),
]
