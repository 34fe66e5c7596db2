#include "net/messages/delete_topics.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::delete_topics_request);
KARST_DEFINE_MESSAGE(karst::net::delete_topics_response);
