// The routes of /orders and /customers.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"slipway.dev/apps/orders/internal/store"
)

// errBadRequest marks what the client got wrong before the database was asked.
var errBadRequest = errors.New("bad request")

func (a *api) listOrders(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	orders, err := a.store.Orders(ctx)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	answer(response, http.StatusOK, map[string]any{"orders": orders})
}

func (a *api) getOrder(response http.ResponseWriter, request *http.Request) {
	id, err := idOf(request)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	order, err := a.store.Order(ctx, id)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	answer(response, http.StatusOK, order)
}

func (a *api) createOrder(response http.ResponseWriter, request *http.Request) {
	draft, err := draftOf(response, request)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	order, err := a.store.CreateOrder(ctx, draft)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	response.Header().Set("Location", fmt.Sprintf("/orders/%d", order.ID))
	answer(response, http.StatusCreated, order)
}

func (a *api) updateOrder(response http.ResponseWriter, request *http.Request) {
	id, err := idOf(request)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	draft, err := draftOf(response, request)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	order, err := a.store.UpdateOrder(ctx, id, draft)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	answer(response, http.StatusOK, order)
}

func (a *api) deleteOrder(response http.ResponseWriter, request *http.Request) {
	id, err := idOf(request)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	if err := a.store.DeleteOrder(ctx, id); err != nil {
		a.refuse(response, request, err)
		return
	}
	response.WriteHeader(http.StatusNoContent)
}

func (a *api) listCustomers(response http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer cancel()
	customers, err := a.store.Customers(ctx)
	if err != nil {
		a.refuse(response, request, err)
		return
	}
	answer(response, http.StatusOK, map[string]any{"customers": customers})
}

func idOf(request *http.Request) (int64, error) {
	id, err := strconv.ParseInt(request.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%w: the id of an order is a whole number of at least 1", errBadRequest)
	}
	return id, nil
}

func draftOf(response http.ResponseWriter, request *http.Request) (store.Draft, error) {
	body := json.NewDecoder(http.MaxBytesReader(response, request.Body, largestBody))
	body.DisallowUnknownFields()
	var draft store.Draft
	if err := body.Decode(&draft); err != nil {
		return draft, fmt.Errorf("%w: want an object with item, quantity and, where there is one, customerId", errBadRequest)
	}
	if strings.TrimSpace(draft.Item) == "" {
		return draft, fmt.Errorf("%w: item is empty", errBadRequest)
	}
	if draft.Quantity < 1 || draft.Quantity > math.MaxInt32 {
		return draft, fmt.Errorf("%w: quantity is not within 1 and %d", errBadRequest, math.MaxInt32)
	}
	return draft, nil
}
