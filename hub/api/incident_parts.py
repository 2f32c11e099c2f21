"""What hangs on an incident: notes, steps, people, attachments."""

import asyncio
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from dispatch.model import to_plain
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, identity_of, object_body, require, require_storable
from hub.api.fields import text_in
from hub.api.printing import document


def router(hub: Hub) -> APIRouter:
    """`/api/v1/incidents/{id}/notes`, `…/tasks`, `…/people`, `…/files`"""
    api = APIRouter(prefix="/api/v1/incidents/{incident_id}", tags=["incidents"])
    desk, clock = hub.services.incidents, hub.services.clock
    may_call, may_see = [Depends(require("call"))], [Depends(require("see-city"))]

    @api.post("/notes", status_code=201, dependencies=may_call)
    async def note(incident_id: str, request: Request) -> Json:
        """`{"text"}`: a line in the record."""
        body, who = await object_body(request), identity_of(request).username
        made = await asyncio.to_thread(desk.note, incident_id, text_in(body, "text") or "", who, clock())
        return Json(to_plain(made), status_code=201)

    @api.post("/tasks/{task_id}/{action}", dependencies=may_call)
    async def step(incident_id: str, task_id: str, action: str, request: Request) -> Json:
        """`action`: done, undo, note; `{"note"}`."""
        body, who = await object_body(request), identity_of(request).username
        given = (incident_id, task_id, action, text_in(body, "note") or "", who, clock())
        await asyncio.to_thread(desk.step, *given)
        tasks = await asyncio.to_thread(desk.tasks, [incident_id])
        return Json({"items": to_plain(tasks.get(incident_id, ())), "next": None})

    @api.post("/people", status_code=201, dependencies=may_call)
    async def join(incident_id: str, request: Request) -> Json:
        """`{"person_id","role"}`: works on it from now on."""
        body, who = await object_body(request), identity_of(request).username
        given = (incident_id, text_in(body, "person_id") or "", text_in(body, "role") or "", who, clock())
        return Json(to_plain(await asyncio.to_thread(desk.join, *given)), status_code=201)

    @api.post("/people/{person_id}/left", dependencies=may_call)
    def leave(incident_id: str, person_id: str, request: Request) -> Json:
        """Has left; the record keeps that they were there."""
        return Json(to_plain(desk.leave(incident_id, person_id, identity_of(request).username, clock())))

    @api.get("/files", dependencies=may_see)
    def files(incident_id: str) -> Json:
        hub.services.dispatch.incident(incident_id)
        return Json({"items": to_plain(desk.files.all(incident_id)), "next": None})

    @api.post("/files", status_code=201, dependencies=may_call)
    async def attach(incident_id: str, request: Request) -> Json:
        """A file as `multipart/form-data` (`file`, `note`), or raw with `?name=` and `?note=`."""
        name, body, note = await _upload(request)
        require_storable(note)
        who = identity_of(request).username
        made = await asyncio.to_thread(desk.attach, incident_id, name, body, note, who, clock())
        return Json(to_plain(made), status_code=201)

    @api.get("/files/{file_id}", dependencies=may_see)
    def download(incident_id: str, file_id: str) -> Response:
        """Always a download, never a page; the content is checked against its digest."""
        file, body = desk.files.read(incident_id, file_id)
        return document(body, file.media_type, file.name)

    return api


async def _upload(request: Request) -> tuple[str, bytes, str]:
    """Name, content, note."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        query = request.query_params
        return unquote(query.get("name", "")), await request.body(), query.get("note", "")
    async with request.form(max_files=1, max_fields=4) as form:
        file, note = form.get("file"), form.get("note", "")
        if not isinstance(file, UploadFile) or not isinstance(note, str):
            raise BadInput("multipart 里要有一个 file,可以带一个 note")
        return file.filename or "", await file.read(), note
