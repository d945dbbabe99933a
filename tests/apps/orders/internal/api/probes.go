// What others ask about this process: is it alive, can it serve, which release is it, and which schema does it see.
package api

import (
	"context"
	"net/http"
)

// alive says that the process answers. It does not look at the database: a restart would not bring that back.
func (a *api) alive(response http.ResponseWriter, _ *http.Request) {
	answer(response, http.StatusOK, map[string]any{"alive": true})
}

// ready says whether requests can be served, which takes the database. Not logged: the probe's own event tells, and it comes every few seconds.
func (a *api) ready(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), readyTimeout)
	defer cancel()
	if err := a.store.Ping(ctx); err != nil {
		answer(response, http.StatusServiceUnavailable, map[string]any{"ready": false, "error": publicText(err)})
		return
	}
	answer(response, http.StatusOK, map[string]any{"ready": true})
}

func (a *api) showVersion(response http.ResponseWriter, _ *http.Request) {
	answer(response, http.StatusOK, map[string]any{"version": a.version})
}

func (a *api) showSchema(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	schema, err := a.store.Schema(ctx)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	answer(response, http.StatusOK, schema)
}
